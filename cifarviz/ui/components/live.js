// What live components have in common; put before their own scripts.
//
// One socket per feed and tab, shared by all components. It is reopened when it breaks, and continues
// from the last position. Messages are described in cifarviz/live/feeds.py.

const LIVE = (globalThis.cifarvizLive ??= (() => {
  const RERUN_EVERY = 5000; // milliseconds at least between two requests of a tab for a new page
  const LONGEST_PAUSE = 5000; // milliseconds between two tries to connect
  const FAILURES = 3; // tries in a row after which pages are asked for instead
  const AFTER_PRESS = 1500; // milliseconds in which a press has surely reached the server
  const GONE = 4404; // cifarviz/live/server.py
  const OUT_OF_CLASS = 4403; // cifarviz/live/class_gate.py
  const feeds = new Map();
  let rerunAt = -Infinity; // when a page was last asked for
  let rerunTimer = null;
  let root = null; // the address under which sockets are known to open

  // ---- Watching ------------------------------------------------------------------------------

  // `path` is the feed's name and query. `watcher` has `update(state, message)`: the state is
  // everything the feed has told, and `message` the newest of it; `broken(isBroken)`; and `gone()`.
  function watch(path, watcher) {
    let feed = feeds.get(path);
    if (!feed) {
      feed = { path, watchers: new Set(), state: null, position: "", socket: null, failures: 0,
        candidate: 0, timer: null, stale: null };
      feeds.set(path, feed);
      connect(feed);
    }
    clearTimeout(feed.stale);
    feed.watchers.add(watcher);
    if (feed.state) watcher.update(feed.state, feed.state);
    if (feed.failures >= FAILURES) watcher.broken?.(true);
    return () => {
      feed.watchers.delete(watcher);
      // A run of the page may mount it again at once.
      if (feed.watchers.size === 0) feed.stale = setTimeout(() => forget(feed), 2000);
    };
  }

  function forget(feed) {
    if (feed.watchers.size) return;
    feeds.delete(feed.path);
    clearTimeout(feed.timer);
    feed.socket?.close();
    feed.socket = null;
  }

  // The page's own address is /train, / or, under another base path, /x/train, /x/ or /x.
  function roots() {
    if (root) return [root];
    const here = new URL(window.location.href);
    here.search = here.hash = "";
    const beside = new URL("./", here).href;
    const below = here.href.replace(/\/*$/, "/");
    return beside === below ? [beside] : [beside, below];
  }

  function connect(feed) {
    const candidates = roots();
    const from = candidates[feed.candidate % candidates.length];
    const address = new URL(`live/${feed.path}`, from);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    if (feed.position) address.searchParams.set("after", feed.position);
    const socket = new WebSocket(address);
    feed.socket = socket;
    socket.onmessage = (event) => {
      if (feed.socket !== socket) return;
      root ??= from;
      if (feed.failures >= FAILURES) for (const watcher of feed.watchers) watcher.broken?.(false);
      feed.failures = 0;
      const message = JSON.parse(event.data);
      feed.position = message.position;
      feed.state = merge(feed.state, message);
      for (const watcher of [...feed.watchers]) watcher.update(feed.state, message);
    };
    socket.onclose = (event) => {
      if (feed.socket !== socket) return;
      feed.socket = null;
      // Leads to the page on which one joins.
      if (event.code === OUT_OF_CLASS) return location.reload();
      if (event.code === GONE) {
        for (const watcher of [...feed.watchers]) watcher.gone?.();
        // A restarted server may register it again.
        feed.timer = setTimeout(() => connect(feed), LONGEST_PAUSE);
        return;
      }
      feed.failures += 1;
      feed.candidate += 1;
      if (feed.failures === FAILURES) for (const watcher of feed.watchers) watcher.broken?.(true);
      const pause = Math.min(250 * 2 ** (feed.failures - 1), LONGEST_PAUSE);
      feed.timer = setTimeout(() => connect(feed), pause * (0.75 + Math.random() / 2));
    };
  }

  // ---- What a feed has told ------------------------------------------------------------------

  function merge(before, message) {
    const state = { ...before, ...message };
    if (message.points) {
      const fresh = {};
      for (const name of COLUMNS) fresh[name] = numbers(message.points[name]);
      const known = message.points.after && before?.points;
      state.points = { ...(known ? appended(known, fresh) : fresh), stride: message.points.stride };
      // Of a long run fewer points are drawn: those that are sent from now on are as far apart.
      if (known && known.stride !== state.points.stride) thin(state.points);
    }
    if (message.epochs) {
      const { after, rows } = message.epochs;
      state.epochs = [...(before?.epochs ?? []).slice(0, after), ...rows];
    }
    return state;
  }

  // A list, or an array as Plotly takes it: {dtype, bdata}; lists have null for NaN.
  function numbers(values) {
    if (Array.isArray(values)) return Float64Array.from(values, (value) => value ?? NaN);
    const bytes = Uint8Array.from(atob(values.bdata), (character) => character.charCodeAt(0));
    const kinds = { f4: Float32Array, f8: Float64Array, i4: Int32Array };
    return Float64Array.from(new kinds[values.dtype](bytes.buffer));
  }

  const COLUMNS = ["steps", "loss", "accuracy"];

  function appended(known, fresh) {
    return Object.fromEntries(COLUMNS.map((name) => [name, joined(known[name], fresh[name])]));
  }

  function thin(points) {
    const isSent = Array.from(points.steps, (step) => step % points.stride === 0);
    for (const name of COLUMNS) points[name] = points[name].filter((_, i) => isSent[i]);
  }

  function joined(first, second) {
    const both = new Float64Array(first.length + second.length);
    both.set(first);
    both.set(second, first.length);
    return both;
  }

  // ---- Asking for a run of the page ----------------------------------------------------------

  const wanting = new Map(); // component: {isWanted, ask}

  // `isWanted()` is asked again before `ask()`; `spread` are the seconds within which, at random,
  // the browsers that watch the same thing ask.
  function rerun(component, spread, isWanted, ask) {
    const isNew = !wanting.has(component);
    wanting.set(component, { isWanted, ask });
    if (isNew) plan(1000 * spread * Math.random());
  }

  function plan(pause) {
    if (rerunTimer !== null) return;
    const soonest = rerunAt + RERUN_EVERY - performance.now();
    rerunTimer = setTimeout(() => {
      rerunTimer = null;
      for (const [component, { isWanted }] of wanting) {
        if (!isWanted()) wanting.delete(component);
      }
      const next = [...wanting.values()][0];
      if (!next) return;
      // A run of the page would interrupt that of a press, which may not have read it yet, and
      // close a dialog that is open (ui/runs/fork.py).
      if (isBusy()) return plan(100);
      rerunAt = performance.now();
      next.ask();
      // A run of the page draws everything anew, and what it could not, it is asked for again.
      plan(RERUN_EVERY);
    }, Math.max(pause, soonest, 0));
  }

  // A press is under way before the page shows that its script runs.
  let pressedAt = -Infinity;
  for (const type of ["pointerdown", "pointerup", "keydown"])
    window.addEventListener(type, () => (pressedAt = performance.now()), true);

  function isBusy() {
    if (performance.now() - pressedAt < AFTER_PRESS) return true;
    const app = document.querySelector("[data-test-script-state]");
    const isRunning = app !== null && app.dataset.testScriptState !== "notRunning";
    return isRunning || document.querySelector(".st-key-open-dialog") !== null;
  }

  return { watch, rerun };
})());

// Follows the feed that a component is given, and has the page run through its trigger `rerun`:
// whenever the feed's mark is another than the one the page was drawn with, and, where no socket
// opens, every few seconds.
//
// `place` is what the component draws into. `given()` returns `{ live, ask }` as they are by now.
// `onNews(state, message)` draws what the feed has told, `onBreak(isBroken)` says that it does not
// get through, and `onEnd()` forgets what it has told.
function createFollower(place, { given, onNews, onBreak, onEnd }) {
  let path = null, unwatch = null, timer = null;
  const isHere = () => unwatch !== null && place.isConnected;
  const ask = () => given().ask();
  const rerun = (spread, isWanted) => LIVE.rerun(place, spread, () => isHere() && isWanted(), ask);

  function setBroken(isBroken) {
    clearInterval(timer);
    timer = isBroken ? setInterval(() => rerun(1, () => timer !== null), 5000) : null;
    onBreak?.(isBroken);
  }

  const watcher = {
    update(state, message) {
      onNews(state, message);
      const isOther = () => state.mark !== given().live?.mark;
      if (state.mark !== undefined && isOther()) rerun(state.spread, isOther);
    },
    broken: setBroken,
    gone() {
      let asked = false;
      LIVE.rerun(place, 1, () => isHere() && !asked, () => { asked = true; ask(); });
    },
  };

  function stop() {
    if (path === null) return;
    setBroken(false);
    unwatch?.();
    path = unwatch = null;
    onEnd();
  }

  // To be called after each run of the script, which may have set another feed, or none.
  function follow() {
    const wanted = given().live?.feed ?? null;
    if (wanted === path) return;
    stop();
    path = wanted;
    if (path !== null) unwatch = LIVE.watch(path, watcher);
  }

  return { follow, stop };
}

const BROKEN_WORDS =
  "Live updates do not reach this browser, so the page refreshes every 5 seconds.";
