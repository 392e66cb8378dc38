// Lines across an axis for each setting of trials, with a range to choose on every axis.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each chart is kept in `plots`.

// Global, because a restarted server loads this script again.
const plots = (globalThis.cifarvizParallelPlots ??= new WeakMap());
const SVG = "http://www.w3.org/2000/svg";
// Pixels: from the edges to the first and last axis, the least between axes, half a band's width,
// and how far from a line the pointer still means it.
const LEFT = 96, RIGHT = 72, TOP = 54, BOTTOM = 18;
const LEAST_GAP = 96, BAND = 16, NEAR = 10;
const LEAST_RANGE = 0.015; // of an axis: less was a click, which clears it
const STEP = 0.02; // of an axis, for a press of an arrow key
const PATIENCE = 300; // milliseconds without a key before the page is told of the range
const LETTER = 6.4; // pixels of an average letter of a tick
const EPS = 1e-4; // positions are rounded
const FEW = 60; // lines; more are drawn weaker

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".plot");
  let plot = plots.get(parentElement);
  if (!plot || plot.root !== root) {
    plot = create(parentElement, root);
    plots.set(parentElement, plot);
  }
  plot.answer = (number) => setTriggerValue("click", number);
  plot.tell = (brush) => setStateValue("brush", brush);
  receive(plot, data);
  return () => {
    // Also called when a newer run of the script overtakes this run: then the chart is still in use.
    setTimeout(() => {
      if (root.isConnected) return;
      plot.observer.disconnect();
      plots.delete(parentElement);
    }, 0);
  };
}

function create(parent, root) {
  const plot = {
    root,
    svg: root.querySelector("svg"),
    labels: root.querySelector(".labels"),
    words: parent.querySelector(".words"),
    clear: parent.querySelector(".clear"),
    revision: null,
    data: null,
    brush: {}, // by the key of an axis: its lower and its upper end, 0 to 1
    axes: [], // elements
    lines: [],
    near: null, // the line that the pointer means
    drag: null,
    hasDragged: false,
    sending: 0,
  };
  plot.observer = new ResizeObserver(() => plot.data && arrange(plot));
  plot.observer.observe(root.parentElement);
  plot.clear.addEventListener("click", () => {
    plot.brush = {};
    update(plot);
    send(plot);
  });
  listen(plot);
  return plot;
}

function receive(plot, bytes) {
  const end = bytes.indexOf(10);
  const decoder = new TextDecoder();
  const revision = decoder.decode(bytes.subarray(0, end));
  if (revision === plot.revision) return;
  plot.revision = revision;
  const before = new Map((plot.data?.axes ?? []).map((axis) => [axis.key, JSON.stringify(axis)]));
  plot.data = JSON.parse(decoder.decode(bytes.subarray(end + 1)));
  const kept = Object.entries(plot.brush).filter(([key]) =>
    plot.data.axes.some((axis) => axis.key === key && JSON.stringify(axis) === before.get(key)));
  const isLost = kept.length < Object.keys(plot.brush).length;
  plot.brush = Object.fromEntries(kept);
  build(plot);
  arrange(plot);
  // A range of an axis that now reaches elsewhere means nothing any more.
  if (isLost) send(plot);
}

function send(plot) {
  clearTimeout(plot.sending);
  plot.tell(Object.keys(plot.brush).length ? plot.brush : null);
}

// ---- Elements --------------------------------------------------------------------------------

function build(plot) {
  const { svg, data } = plot;
  svg.replaceChildren();
  plot.labels.replaceChildren();
  plot.near = null;
  plot.root.setAttribute("aria-label", data.description);
  const all = add(svg, "g", { "aria-hidden": "true" });
  if (data.lines.length > FEW) all.style.setProperty("--strength", 0.7);
  plot.lines = data.lines.map((line) => {
    const kind = line.state === "finished" ? "line" : "line unfinished";
    const path = add(all, "path", { class: line.number === data.best ? `${kind} best` : kind });
    path.style.setProperty("--quality", line.quality);
    path.dataset.number = line.number;
    return path;
  });
  const best = plot.lines.find((path) => path.classList.contains("best"));
  if (best) all.append(best);
  plot.axes = data.axes.map((axis) => buildAxis(plot, axis));
}

function buildAxis(plot, axis) {
  const place = add(plot.svg, "g", {});
  const label = document.createElement("div");
  const text = document.createElement("span");
  text.textContent = text.title = axis.label;
  label.append(text);
  plot.labels.append(label);
  const made = {
    label,
    band: add(place, "rect", { class: "band", "aria-hidden": "true", width: 2 * BAND }),
    line: add(place, "line", { class: "axis", "aria-hidden": "true" }),
    brush: add(place, "rect", { class: "brush", "aria-hidden": "true", width: 14 }),
    ticks: axis.ticks.map(() => add(place, "text", { "aria-hidden": "true" })),
  };
  made.band.dataset.key = axis.key;
  made.handles = ["lowest", "highest"].map((name, end) => {
    const handle = add(place, "circle", {
      class: "handle", r: 5, role: "slider", tabindex: 0, "aria-orientation": "vertical",
      "aria-label": `${axis.label}, ${name}`, "aria-valuemin": 0, "aria-valuemax": 100,
    });
    handle.dataset.key = axis.key;
    handle.dataset.end = end;
    return handle;
  });
  return made;
}

function add(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  set(element, attributes);
  parent.append(element);
  return element;
}

function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
}

// ---- Places ----------------------------------------------------------------------------------

function arrange(plot) {
  const { data, root } = plot;
  const gaps = Math.max(data.axes.length - 1, 1);
  root.style.minWidth = `${LEFT + RIGHT + gaps * LEAST_GAP}px`;
  const width = root.clientWidth, height = root.clientHeight;
  if (!width) return;
  plot.gap = (width - LEFT - RIGHT) / gaps;
  plot.x = (axis) => LEFT + axis * plot.gap;
  plot.y = (at) => TOP + (1 - at) * (height - TOP - BOTTOM);
  plot.at = (y) => Math.min(Math.max(1 - (y - TOP) / (height - TOP - BOTTOM), 0), 1);
  data.lines.forEach((line, number) => plot.lines[number].setAttribute("d", pathOf(plot, line)));
  const wide = Math.min(plot.gap - 8, 150);
  plot.axes.forEach((made, number) => {
    const x = plot.x(number), top = plot.y(1), bottom = plot.y(0);
    Object.assign(made.label.style, { left: `${x - wide / 2}px`, width: `${wide}px` });
    set(made.band, { x: x - BAND, y: top, height: bottom - top });
    set(made.line, { x1: x, x2: x, y1: top, y2: bottom });
    set(made.brush, { x: x - 7 });
    const letters = Math.floor(((number ? plot.gap : LEFT) - 24) / LETTER);
    made.ticks.forEach((tick, place) => {
      const [at, words] = data.axes[number].ticks[place];
      set(tick, { x: x - 12, y: plot.y(at) });
      tick.textContent = words.length > letters ? `${words.slice(0, letters)}…` : words;
    });
    for (const handle of made.handles) handle.setAttribute("cx", x);
  });
  update(plot);
}

function pathOf(plot, line) {
  const points = line.positions.map((at, axis) =>
    `${plot.x(axis).toFixed(1)},${plot.y(at).toFixed(1)}`);
  return `M${points.join("L")}`;
}

// ---- Ranges ----------------------------------------------------------------------------------

function isInside(plot, line) {
  return plot.data.axes.every((axis, place) => {
    const range = plot.brush[axis.key], at = line.positions[place];
    return !range || (at >= range[0] - EPS && at <= range[1] + EPS);
  });
}

function update(plot) {
  const { data } = plot;
  let inside = 0;
  data.lines.forEach((line, number) => {
    const isIn = isInside(plot, line);
    inside += isIn;
    plot.lines[number].classList.toggle("out", !isIn);
  });
  plot.inside = inside;
  plot.axes.forEach((made, number) => {
    const axis = data.axes[number], range = plot.brush[axis.key];
    const [low, high] = range ?? [0, 1];
    set(made.brush, {
      y: plot.y(high), height: plot.y(low) - plot.y(high), visibility: range ? "visible" : "hidden",
    });
    made.handles.forEach((handle, end) => {
      const at = end ? high : low;
      handle.classList.toggle("set", Boolean(range));
      set(handle, {
        cy: plot.y(at),
        "aria-valuenow": Math.round(100 * at),
        "aria-valuetext": valueAt(plot, number, at),
      });
    });
  });
  plot.clear.hidden = !Object.keys(plot.brush).length;
  say(plot);
}

// What a trial near a position of an axis has there.
function valueAt(plot, axis, at) {
  const far = (line) => Math.abs(line.positions[axis] - at);
  const near = plot.data.lines.reduce((best, line) => (far(line) < far(best) ? line : best),
    plot.data.lines[0]);
  return near ? near.texts[axis] : "";
}

function setRange(plot, key, low, high) {
  if (high - low < LEAST_RANGE || (low <= 0 && high >= 1)) delete plot.brush[key];
  else plot.brush[key] = [low, high];
  update(plot);
}

function say(plot) {
  const { data, near } = plot;
  const count = data.lines.length;
  if (near) {
    const values = data.axes.map((axis, place) => `${axis.label} ${near.texts[place]}`);
    plot.words.textContent = `Trial ${near.number}: ${values.join(" · ")}`;
  } else if (Object.keys(plot.brush).length)
    plot.words.textContent = `${plot.inside} of ${count} trials selected, listed below`;
  else plot.words.textContent = "Drag along an axis to select trials. Click a line to open its run.";
}

// ---- Pointer and keys ------------------------------------------------------------------------

function listen(plot) {
  const { svg } = plot;
  svg.addEventListener("pointerdown", (event) => {
    const { key, end } = event.target.dataset;
    plot.hasDragged = false;
    if (key === undefined || event.button) return;
    svg.setPointerCapture(event.pointerId);
    const at = plot.at(place(plot, event).y);
    const range = plot.brush[key] ?? [0, 1];
    plot.hasDragged = true;
    // A handle moves its end, away from the other; on the band a new range begins.
    plot.drag = { key, from: end === undefined ? at : range[1 - Number(end)] };
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (!plot.data || !plot.x) return;
    if (!plot.drag) return point(plot, nearest(plot, event));
    const at = plot.at(place(plot, event).y);
    setRange(plot, plot.drag.key, Math.min(plot.drag.from, at), Math.max(plot.drag.from, at));
  });
  svg.addEventListener("pointerup", (event) => {
    if (!plot.drag) return;
    const { key, from } = plot.drag;
    plot.drag = null;
    const at = plot.at(place(plot, event).y);
    setRange(plot, key, Math.min(from, at), Math.max(from, at));
    send(plot);
  });
  svg.addEventListener("pointercancel", () => (plot.drag = null));
  svg.addEventListener("pointerleave", () => !plot.drag && plot.data && point(plot, null));
  svg.addEventListener("click", (event) => {
    // After a drag the browser reports a click, too.
    if (plot.hasDragged) return;
    const line = nearest(plot, event);
    if (line) plot.answer(line.number);
  });
  svg.addEventListener("keydown", (event) => {
    const { key, end } = event.target.dataset;
    if (end !== undefined && press(plot, key, Number(end), event.key)) event.preventDefault();
  });
}

// Moves an end of a range by a key; returns whether the key means anything.
function press(plot, key, end, name) {
  const range = [...(plot.brush[key] ?? [0, 1])];
  const axis = plot.data.axes.find((each) => each.key === key);
  const step = axis.isCategory ? 1 / Math.max(axis.ticks.length, 1) : STEP;
  const moves = {
    ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step,
    PageUp: 5 * step, PageDown: -5 * step, Home: -1, End: 1,
  };
  if (name === "Escape") setRange(plot, key, 0, 1);
  else if (name in moves) {
    const [lowest, highest] = end ? [range[0] + step, 1] : [0, range[1] - step];
    range[end] = Math.min(Math.max(range[end] + moves[name], lowest), highest);
    setRange(plot, key, range[0], range[1]);
  } else return false;
  clearTimeout(plot.sending);
  plot.sending = setTimeout(() => send(plot), PATIENCE);
  return true;
}

function place(plot, event) {
  const box = plot.svg.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

// The line of a selected trial that the pointer is on, if any.
function nearest(plot, event) {
  const { x, y } = place(plot, event);
  const axis = Math.min(Math.max(Math.floor((x - LEFT) / plot.gap), 0), plot.data.axes.length - 2);
  const share = (x - plot.x(axis)) / plot.gap;
  if (!(share > 0 && share < 1)) return null;
  let found = null, least = NEAR;
  for (const line of plot.data.lines) {
    const from = line.positions[axis], to = line.positions[axis + 1];
    if (!isInside(plot, line)) continue;
    const far = Math.abs(plot.y(from + share * (to - from)) - y);
    if (far <= least) [found, least] = [line, far];
  }
  return found;
}

function point(plot, line) {
  if (line === plot.near) return;
  plot.near = line;
  plot.svg.classList.toggle("pointing", Boolean(line));
  for (const path of plot.lines)
    path.classList.toggle("near", line !== null && path.dataset.number === String(line.number));
  say(plot);
}
