// The frame of the page: buttons that go to another tab, questions before dangerous clicks, the list
// of keys. Gradio's own `js=` needs eval, which the content security policy forbids.
(() => {
  "use strict";

  // Text of a person or a model is drawn inside .md, and may bring ids, classes and buttons of its
  // own. None of these is ever taken for a part of the page.
  const isForeign = (element) => Boolean(element.closest?.(".md"));
  const own = (selector) =>
    [...document.querySelectorAll(selector)].find((element) => !isForeign(element));
  const tabButton = (name) => own(`#tab-${name}-button`);

  // The tab that was open stays open when the page is loaded again.
  const TAB_KEY = "pairtune-tab";
  const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
  let tabToOpen = isReload ? sessionStorage.getItem(TAB_KEY) : null;

  window.pairtune = {
    isForeign,
    own,
    // True while this tab is the one on the screen.
    tabIsOpen: (name) => tabButton(name)?.getAttribute("aria-selected") === "true",
    goTo(name) {
      tabButton(name)?.click();
      window.scrollTo({ top: 0 });
    },
    // Give a Gradio text field a value as if it had been typed.
    fill(id, value) {
      const field = own(`#${id} textarea, #${id} input`);
      if (!field) return false;
      const prototype = Object.getPrototypeOf(field);
      Object.getOwnPropertyDescriptor(prototype, "value").set.call(field, value);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      return true;
    },
    typing: (element) =>
      Boolean(element?.closest?.("input, textarea, select, [contenteditable], [role=slider], dialog")),
  };

  const QUESTIONS = {
    "asks-stop": "Stop this run? What is done so far is kept.",
    "asks-withdraw-all": "Withdraw all verdicts of this labeller? They stay in the history, and pairs that nobody else has decided wait for a verdict again.",
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button || isForeign(button)) return;
    for (const [name, question] of Object.entries(QUESTIONS)) {
      if (button.classList.contains(name) && !button.disabled && !window.confirm(question)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
    }
    const tab = button.id.match(/^tab-(\w+)-button$/)?.[1];
    if (tab) sessionStorage.setItem(TAB_KEY, tab);
    const target = [...button.classList].find((name) => name.startsWith("goto-"));
    if (target) window.pairtune.goTo(target.slice("goto-".length));
  }, true);
  document.addEventListener("submit", (event) => {
    if (isForeign(event.target)) event.preventDefault();
  }, true);

  // A file that the server has just made lies behind a hidden button: press it once. The mark can
  // be drawn a moment before the button has got its file.
  const saved = new Set();
  new MutationObserver(() => {
    if (tabToOpen && tabButton(tabToOpen)) {
      window.pairtune.goTo(tabToOpen);
      tabToOpen = null;
    }
    for (const mark of document.querySelectorAll(".block.saves .save-now")) {
      const { button, serial } = mark.dataset;
      if (saved.has(serial)) continue;
      saved.add(serial);
      setTimeout(() => own(`#${button}`)?.click(), 150);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
