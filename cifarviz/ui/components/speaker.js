// The speaker's window: shows what the presentation in another window of this browser tells, and
// sends it keys and choices. The server has no part in that. scene_keys.js is put before this file.

const windows = (globalThis.cifarvizSpeakers ??= new WeakMap());
const ASK = 1500; // milliseconds between two questions for the presentation
const SILENCE = 4000; // milliseconds without an answer after which it counts as closed

export default function ({ parentElement }) {
  const root = parentElement.querySelector(".speaker");
  let speaker = windows.get(parentElement);
  if (speaker?.root !== root) {
    speaker = create(root);
    windows.set(parentElement, speaker);
  }
  return () => {
    setTimeout(() => {
      if (root.isConnected) return;
      speaker.ended.abort();
      clearInterval(speaker.timer);
      send(speaker, { type: "unfollow" });
      speaker.channel.close();
      windows.delete(parentElement);
    }, 0);
  };
}

function create(root) {
  const speaker = {
    root,
    // The window is named after the presentation that opened it; otherwise it follows the first.
    presentation: window.name.startsWith(SPEAKER_WINDOW)
      ? window.name.slice(SPEAKER_WINDOW.length) : null,
    shown: null, // what the presentation told last
    heard: performance.now(),
    channel: new BroadcastChannel(CHANNEL),
    ended: new AbortController(),
  };
  const options = { signal: speaker.ended.signal };
  speaker.channel.addEventListener("message", ({ data }) => onMessage(speaker, data), options);
  window.addEventListener("pagehide", () => send(speaker, { type: "unfollow" }), options);
  document.addEventListener("keydown", (event) => onKey(speaker, event), options);
  for (const button of root.querySelectorAll("[data-key]"))
    button.addEventListener("click", () => send(speaker, { type: "key", key: button.dataset.key }));
  root.querySelector(".restart").addEventListener("click", () => send(speaker, { type: "restart" }));
  speaker.timer = setInterval(() => ask(speaker), ASK);
  // Twice a second, so that no second is left out.
  const clock = setInterval(() => drawClock(speaker), 500);
  options.signal.addEventListener("abort", () => clearInterval(clock));
  ask(speaker);
  drawState(speaker);
  return speaker;
}

function send(speaker, message) {
  speaker.channel.postMessage({ ...message, to: speaker.presentation });
}

function ask(speaker) {
  if (performance.now() - speaker.heard > SILENCE) lose(speaker);
  if (speaker.presentation === null) send(speaker, { type: "seek" });
  else follow(speaker);
}

function follow(speaker) {
  send(speaker, { type: "follow", started: Number(sessionStorage[STARTED]) || undefined });
}

// Without its presentation it follows the next that answers.
function lose(speaker) {
  speaker.presentation = null;
  speaker.isLost = true;
  drawState(speaker);
}

function onMessage(speaker, message) {
  if (message.from === undefined || (speaker.presentation ?? message.from) !== message.from) return;
  if (message.type === "here" && speaker.presentation === null) {
    speaker.presentation = message.from;
    speaker.heard = performance.now();
    follow(speaker);
  } else if (message.type === "left") {
    lose(speaker);
    // After a reload it has the same name.
    speaker.presentation = message.from;
  } else if (message.type === "shown") {
    speaker.presentation = message.from;
    speaker.heard = performance.now();
    speaker.isLost = false;
    speaker.shown = message;
    // The address changes while something plays; the controls must not lose the focus then.
    const text = JSON.stringify({ ...message, address: null });
    if (text === speaker.text && speaker.root.dataset.following === "true") return;
    speaker.text = text;
    sessionStorage[STARTED] = message.started;
    draw(speaker);
  }
}

function onKey(speaker, event) {
  const key = sceneKey(event);
  if (key === "f") fullScreen();
  else if (key in TURNS || key === "b" || key === "." || key === "o"
    || key === "Escape" || isPlay(event, key)) {
    if (!event.repeat) send(speaker, { type: "key", key });
  } else return;
  event.preventDefault();
}

function isPlay(event, key) {
  const on = event.composedPath()[0];
  return key === " " && !(on instanceof Element && on.closest("button, a, select"));
}

// ---- Drawing ---------------------------------------------------------------------------------

function draw(speaker) {
  const { root, shown } = speaker;
  const find = (name) => root.querySelector(name);
  const { headline, notes, next, choices } = shown.speaker;
  find(".place").textContent = `${shown.place + 1} of ${shown.scenes.length}`;
  find(".headline").textContent = shown.isCurrent ? headline : shown.scenes[shown.place][1];
  find(".notes").replaceChildren(...notes.map((note) => {
    const paragraph = document.createElement("p");
    paragraph.append(...note.map(([text, isBold]) => (isBold ? element("b", text) : text)));
    return paragraph;
  }));
  root.dataset.current = shown.isCurrent;
  find(".next h2").textContent = next[0] ? `Next: ${next[0]}` : "This is the last scene";
  find(".next p").textContent = next[1];
  find(".scenes").replaceChildren(...shown.scenes.map(([, title], place) => {
    const button = element("button", `${place + 1} ${title}`);
    button.type = "button";
    if (place === shown.place) button.setAttribute("aria-current", "step");
    button.addEventListener("click", () => send(speaker, { type: "go", place }));
    return button;
  }));
  find(".choices").replaceChildren(...choices.map(([name, label, options, chosen]) => {
    const field = element("label", label), select = document.createElement("select");
    select.append(...options.map(([value, text]) => new Option(text, value)));
    select.value = chosen;
    select.addEventListener("change", () =>
      send(speaker, { type: "choose", name, value: select.value }));
    field.append(select);
    return field;
  }));
  find(".blank").setAttribute("aria-pressed", String(shown.isBlack));
  drawState(speaker);
  drawClock(speaker);
}

function drawState(speaker) {
  const { root, shown, isLost } = speaker;
  const isFollowing = shown !== null && !isLost;
  const place = root.querySelector(".state");
  root.dataset.following = isFollowing;
  root.dataset.known = shown !== null;
  if (isFollowing) place.textContent = shown.isBlack ? "The projector is black." : "";
  else {
    place.textContent = isLost
      ? "The presentation’s window is closed. This window follows again when it is open. "
      : "Waiting for the presentation in another window of this browser … ";
    const address = new URL(shown?.address ?? window.location.href);
    address.searchParams.delete("speaker");
    const link = element("a", "Open the presentation");
    link.href = address;
    link.target = "_blank";
    link.rel = "opener";
    place.append(link);
  }
  for (const control of root.querySelectorAll("button, select")) control.disabled = !isFollowing;
}

function drawClock(speaker) {
  const { root, shown } = speaker;
  const seconds = shown ? Math.max(Math.floor((Date.now() - shown.started) / 1000), 0) : 0;
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
  root.querySelector(".elapsed").textContent =
    `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
  root.querySelector(".time").textContent =
    new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
