// The keys of a presentation, in its own window and in the speaker's.

const CHANNEL = "cifarviz-present"; // of the windows of a presentation (BroadcastChannel)
const SPEAKER_WINDOW = "cifarviz-speaker-"; // begins the name of a speaker's window; then the id
const STARTED = "cifarviz-presentation-started"; // in sessionStorage: when a speaker's window opened
const TURNS = { PageDown: 1, ArrowRight: 1, ArrowDown: 1, PageUp: -1, ArrowLeft: -1, ArrowUp: -1 };
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]";
const OWN_ARROWS =
  "[role=slider], [role=radiogroup], [role=radio], [role=listbox], [role=tablist], [role=menu]";

// The key of an event, letters in lower case; null if something on the page uses it.
function sceneKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  const on = event.composedPath()[0];
  const within = (selector) => on instanceof Element && on.closest(selector) !== null;
  const page = event.key === "PageDown" || event.key === "PageUp";
  if (within(TYPING) && !page) return null;
  if (event.key.startsWith("Arrow") && within(OWN_ARROWS)) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}
