// The Label screen: verdicts by click or key, and the pair that is fetched ahead.
//
// Two decks hold two pairs: one is shown, the other is filled while the first is read. A verdict
// shows the other deck at once and sends the decision; the answer fills the deck that became free.
// Decks trade places by trading element ids, so #label-left is always the answer on the screen.
//
// A verdict stays in the outbox until the server has confirmed it. The outbox outlives the page, which
// Gradio loads anew when a request is lost; a verdict keeps its submit_id, so that it is stored once
// however often it is sent.
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
  const SLOW_MS = 1000;
  const GIVE_UP_MS = 10000;
  const PLAIN_KEY = "pairtune-plain-text";
  const OUTBOX_KEY = "pairtune-outbox";

  const { own } = window.pairtune;
  const byId = (id) => own(`#${id}`);
  let decks = [0, 0]; // pair ids; 0 is an empty deck
  let contents = ["", ""]; // what the server calls that which the decks show
  let serial = 0;
  let waiting = null; // { serial, action, since } of the request under way
  let outbox = JSON.parse(sessionStorage.getItem(OUTBOX_KEY) ?? "[]"); // the oldest verdict first
  let wish = null; // "undo" or "fetch", to be sent once the outbox is empty
  let givenUp = 0; // serial of the last request that was given up: its answer may still come
  let isUnsure = true; // whether the decks may show something else than `contents` says
  let isAgain = false; // whether the request under way follows one that was given up
  let shownAt = performance.now();
  let decidedAt = 0;
  let lastState = "";
  let plain = localStorage.getItem(PLAIN_KEY) === "1";

  const front = () => (byId("label-left").classList.contains("deck-1") ? 1 : 0);
  const isThere = () => byId("label-right-next") && byId("label-request");
  const isOpen = () => window.pairtune.tabIsOpen("label") && isThere();

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
    if (isUnsure) [decks, contents] = [[0, 0], ["", ""]];
    isUnsure = false;
    serial += 1;
    waiting = { serial, action, since: performance.now() };
    const request = { serial, action, plain, front: front(), decks, contents, ...details };
    window.pairtune.fill("label-request", JSON.stringify(request));
    setTimeout(sayIfSlow, SLOW_MS + 10);
  }

  // Send what there is to send: verdicts in their order, then a wish; one request at a time.
  function sendNext() {
    if (waiting) return;
    if (outbox.length) {
      const [verdict] = outbox;
      const shown = front();
      if (decks[shown] === verdict.pair_id && decks[1 - shown]) {
        tradePlaces();
        decks = shown === 0 ? [0, decks[1]] : [decks[0], 0];
        shownAt = performance.now();
        mark(null);
      }
      send("verdict", verdict);
    } else if (wish) {
      const action = wish;
      wish = null;
      send(action);
    }
  }

  function keepInOutbox(verdicts) {
    outbox = verdicts;
    sessionStorage.setItem(OUTBOX_KEY, JSON.stringify(outbox));
  }

  const sending = () => (waiting?.action === "verdict" ? outbox[0] : null);

  function decide(choice) {
    const now = performance.now();
    if (now - decidedAt < DOUBLE_PRESS_MS) return;
    const pair = decks[front()];
    const other = waiting && waiting.action !== "fetch" && waiting.action !== "verdict";
    if (!pair || other || sending()?.pair_id === pair) {
      sayIfSlow();
      return;
    }
    decidedAt = now;
    flash(BUTTONS[choice]);
    // On a slow line the pair stays until the last verdict is confirmed: another choice replaces it.
    const replaced = outbox.find((verdict) => verdict.pair_id === pair);
    const rationale = own("#label-rationale textarea")?.value || replaced?.rationale || "";
    window.pairtune.fill("label-rationale", "");
    const seconds = Math.round((now - shownAt) / 100) / 10;
    const verdict = {
      submit_id: crypto.randomUUID(), pair_id: pair, choice, shown: contents[front()], seconds, rationale,
    };
    keepInOutbox([...outbox.filter((earlier) => earlier !== replaced), verdict]);
    mark(choice);
    sendNext();
    sayIfSlow();
  }

  // Right after a verdict the wish to undo comes before the answer: it is sent after that. A verdict
  // that has not been sent yet is simply forgotten.
  function undo() {
    flash("label-undo");
    if (outbox.length && outbox.at(-1) !== sending()) {
      keepInOutbox(outbox.slice(0, -1));
      mark(null);
      sayIfSlow();
    } else {
      wish = "undo";
      sendNext();
    }
  }

  function flash(id) {
    const button = byId(id);
    button.setAttribute("data-flash", "");
    setTimeout(() => button.removeAttribute("data-flash"), DOUBLE_PRESS_MS);
  }

  function mark(choice) {
    for (const [name, id] of Object.entries(BUTTONS)) {
      byId(id)?.toggleAttribute("data-previous", name === choice);
    }
  }

  // A place for what screen readers are to hear; #label-connection is seen as well.
  function say(id, text) {
    let region = byId(id);
    if (!region) {
      region = document.createElement("div");
      region.id = id;
      region.setAttribute("role", "status");
      region.setAttribute("aria-live", "polite");
      document.body.append(region);
    }
    if (region.textContent !== text) region.textContent = text;
  }

  function sayIfSlow() {
    if (!waiting || performance.now() - waiting.since < SLOW_MS) return;
    const number = outbox.length;
    const what = number === 1 ? "Your last verdict is" : `Your last ${number} verdicts are`;
    const again = isAgain ? " again" : "";
    say("label-connection", number
      ? `The connection is slow. ${what} being sent${again} …`
      : "The connection is slow. Waiting for the server …");
  }

  // What the server last said: which pair lies in which deck, and which deck is to be seen.
  function take(state) {
    if (state.serial <= givenUp) {
      // It has filled decks that it knew from then.
      isUnsure = true;
      wish ??= "fetch";
      sendNext();
      return;
    }
    const before = decks[front()];
    decks = state.decks;
    contents = state.contents;
    if (state.front !== front()) tradePlaces();
    if (decks[front()] !== before) shownAt = performance.now();
    document.body.dataset.label = decks[front()] ? "pair" : "empty";
    mark(state.previous);
    const previous = state.previous ? " Your last verdict is marked." : "";
    say(
      "label-live",
      decks[front()]
        ? `Pair ${state.position} of ${state.total}. Answer left. Answer right.${previous}`
        : "No pair to label.",
    );
    if (waiting && state.serial >= waiting.serial) {
      if (waiting.action === "edit") focusEdit();
      if (waiting.action === "verdict") keepInOutbox(outbox.slice(1));
      waiting = null;
      isAgain = false;
      say("label-connection", "");
    }
    sendNext();
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
    if (lastState || waiting) return;
    if (isOpen()) {
      wish = "fetch";
      sendNext();
    } else if (outbox.length && !window.pairtune.tabIsOpen("label")) {
      window.pairtune.goTo("label");
    }
  }

  function togglePlain() {
    plain = !plain;
    localStorage.setItem(PLAIN_KEY, plain ? "1" : "0");
    showPlain();
    isUnsure = true;
    wish ??= "fetch";
    sendNext();
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

  // What was not answered is asked again, and so is an empty deck: pairs may have been made since.
  function refresh() {
    if (!isThere()) return;
    if (waiting && performance.now() - waiting.since > GIVE_UP_MS) {
      // A verdict is sent again as it is. Anything else may be done or not: the server knows.
      givenUp = waiting.serial;
      if (waiting.action !== "verdict") wish ??= "fetch";
      isUnsure = waiting.action !== "verdict";
      waiting = null;
      isAgain = true;
    }
    if (isOpen() && !document.hidden) {
      showPlain();
      if (!waiting && !outbox.length && !(decks[0] && decks[1])) wish ??= "fetch";
    }
    sendNext();
  }

  new MutationObserver(look).observe(document.documentElement, {
    childList: true, subtree: true, characterData: true,
  });
  setInterval(refresh, POLL_MS);
})();
