// The Label screen: verdicts by click or key, and the pair that is fetched ahead.
//
// Two decks hold two pairs: one is shown, the other is filled while the first is read. A verdict
// shows the other deck at once and sends the decision; the answer fills the deck that became free.
// Decks trade places by trading element ids, so #label-left is always the answer on the screen.
(() => {
  "use strict";

  const KEYS = { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", 0: "tie", x: "both_bad", s: "skip" };
  const BUTTONS = {
    left: "label-choose-left", right: "label-choose-right", tie: "label-tie",
    both_bad: "label-both-bad", skip: "label-skip",
  };
  const PARTS = ["prompt", "left", "right"];
  const DOUBLE_PRESS_MS = 250;
  const POLL_MS = 2500;
  const GIVE_UP_MS = 10000;
  const PLAIN_KEY = "pairtune-plain-text";

  const { own } = window.pairtune;
  const byId = (id) => own(`#${id}`);
  let decks = [0, 0]; // pair ids; 0 is an empty deck
  let contents = ["", ""]; // what the server calls that which the decks show
  let serial = 0;
  let waiting = null; // { serial, action, since } of the request under way
  let queued = null; // { choice, content } of what was decided while a request was under way
  let shownAt = performance.now();
  let decidedAt = 0;
  let lastState = "";
  let plain = localStorage.getItem(PLAIN_KEY) === "1";

  const front = () => (byId("label-left").classList.contains("deck-1") ? 1 : 0);
  const isOpen = () =>
    window.pairtune.tabIsOpen("label") && byId("label-right-next") && byId("label-request");

  function tradePlaces() {
    for (const part of PARTS) {
      const shown = byId(`label-${part}`);
      const next = byId(`label-${part}-next`);
      shown.id = `label-${part}-next`;
      next.id = `label-${part}`;
      next.scrollTop = 0;
    }
  }

  function send(action, details = {}) {
    serial += 1;
    waiting = { serial, action, since: performance.now() };
    const request = { serial, action, plain, front: front(), decks, contents, ...details };
    window.pairtune.fill("label-request", JSON.stringify(request));
  }

  function decide(choice) {
    const now = performance.now();
    if (now - decidedAt < DOUBLE_PRESS_MS) return;
    const shown = front();
    const pair = decks[shown];
    if (!pair) return;
    if (waiting) {
      // On a slow line a verdict comes before the last one is answered: it is sent after that.
      if (waiting.action === "fetch" || waiting.action === "verdict") queued = { choice, content: contents[shown] };
      return;
    }
    decidedAt = now;
    flash(BUTTONS[choice]);
    const rationale = own("#label-rationale textarea");
    const details = {
      submit_id: crypto.randomUUID(), pair_id: pair, choice, shown: contents[shown],
      seconds: Math.round((now - shownAt) / 100) / 10, rationale: rationale?.value || "",
    };
    if (rationale?.value) window.pairtune.fill("label-rationale", "");
    if (decks[1 - shown]) {
      tradePlaces();
      decks = shown === 0 ? [0, decks[1]] : [decks[0], 0];
      shownAt = now;
      mark(null);
    }
    send("verdict", details);
  }

  // Right after a verdict the wish to undo comes before the answer: it is sent after that. A verdict
  // that has not been sent yet is simply forgotten.
  function undo() {
    flash("label-undo");
    if (!waiting) send("undo");
    else queued = queued && queued.choice !== "undo" ? null : { choice: "undo" };
  }

  function flash(id) {
    const button = byId(id);
    button.setAttribute("data-flash", "");
    setTimeout(() => button.removeAttribute("data-flash"), 160);
  }

  function mark(choice) {
    for (const [name, id] of Object.entries(BUTTONS)) {
      byId(id)?.toggleAttribute("data-previous", name === choice);
    }
  }

  function announce(text) {
    let region = byId("label-live");
    if (!region) {
      region = document.createElement("div");
      region.id = "label-live";
      region.className = "visually-hidden-text";
      region.setAttribute("role", "status");
      region.setAttribute("aria-live", "polite");
      document.body.append(region);
    }
    if (region.textContent !== text) region.textContent = text;
  }

  // What the server last said: which pair lies in which deck, and which deck is to be seen.
  function take(state) {
    const before = decks[front()];
    decks = state.decks;
    contents = state.contents;
    if (state.front !== front()) tradePlaces();
    if (decks[front()] !== before) shownAt = performance.now();
    document.body.dataset.label = decks[front()] ? "pair" : "empty";
    mark(state.previous);
    const previous = state.previous ? " Your last verdict is marked." : "";
    announce(
      decks[front()]
        ? `Pair ${state.position} of ${state.total}. Answer left. Answer right.${previous}`
        : "No pair to label.",
    );
    if (waiting && state.serial >= waiting.serial) {
      if (waiting.action === "edit") focusEdit();
      waiting = null;
    }
    if (!waiting && queued) {
      const { choice, content } = queued;
      queued = null;
      if (choice === "undo") send("undo");
      else if (content === contents[front()]) decide(choice);
    }
  }

  // The panel appears a moment after the answer; until then keys would still be verdicts.
  function focusEdit(tries = 40) {
    const field = own("#label-edit-left textarea");
    if (field) field.focus();
    else if (tries) requestAnimationFrame(() => focusEdit(tries - 1));
  }

  function look() {
    const text = byId("label-state")?.querySelector("code")?.textContent ?? "";
    if (text && text !== lastState) {
      lastState = text;
      take(JSON.parse(text));
    }
    if (!lastState && !waiting && isOpen()) send("fetch");
  }

  function togglePlain() {
    plain = !plain;
    localStorage.setItem(PLAIN_KEY, plain ? "1" : "0");
    showPlain();
    decks = [0, 0];
    contents = ["", ""];
    send("fetch");
  }

  function showPlain() {
    byId("label-plain")?.setAttribute("aria-pressed", String(plain));
  }

  function listKeys() {
    let dialog = document.querySelector("dialog.keys");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "keys";
      dialog.innerHTML = `<h2>Keys on the Label screen</h2><dl>
        <dt><kbd>1</kbd> <kbd>←</kbd></dt><dd>Left is better</dd>
        <dt><kbd>2</kbd> <kbd>→</kbd></dt><dd>Right is better</dd>
        <dt><kbd>0</kbd></dt><dd>Tie: equally good</dd>
        <dt><kbd>x</kbd></dt><dd>Both bad: neither should be said</dd>
        <dt><kbd>s</kbd></dt><dd>Skip: somebody else may judge</dd>
        <dt><kbd>u</kbd></dt><dd>Undo, as often as you like</dd>
        <dt><kbd>e</kbd></dt><dd>Edit an answer into a better one</dd>
        <dt><kbd>?</kbd></dt><dd>This list</dd></dl><form method="dialog"><button>Close</button></form>`;
      document.body.append(dialog);
    }
    if (!dialog.open) dialog.showModal();
  }

  const ACTIONS = {
    "label-undo": undo,
    "label-edit": () => { if (!waiting && decks[front()]) send("edit", { pair_id: decks[front()] }); },
    "label-reopen": () => { if (!waiting) send("reopen"); },
    "label-plain": togglePlain,
    "label-keys": listKeys,
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button?.id || window.pairtune.isForeign(button)) return;
    const id = button.id;
    const choice = Object.keys(BUTTONS).find((name) => BUTTONS[name] === id);
    if (choice) decide(choice);
    else if (ACTIONS[id]) ACTIONS[id]();
    else if (id === "tab-label-button") setTimeout(refresh, 0);
  });

  document.addEventListener("keydown", (event) => {
    if (!isOpen() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (window.pairtune.typing(event.target) || document.querySelector("dialog[open]")) return;
    const choice = KEYS[event.key];
    const action = { u: "label-undo", e: "label-edit", "?": "label-keys" }[event.key];
    if (!choice && !action) return;
    event.preventDefault();
    if (event.repeat) return;
    if (choice) decide(choice);
    else ACTIONS[action]();
  });

  // An empty deck is asked for again: pairs may have been made in the meantime.
  function refresh() {
    if (!isOpen() || document.hidden) return;
    showPlain();
    if (waiting && performance.now() - waiting.since > GIVE_UP_MS) waiting = null;
    if (!waiting && (!decks[0] || !decks[1])) send("fetch");
  }

  new MutationObserver(look).observe(document.documentElement, {
    childList: true, subtree: true, characterData: true,
  });
  setInterval(refresh, POLL_MS);
})();
