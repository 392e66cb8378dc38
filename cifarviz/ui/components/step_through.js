// Shows how an output value follows from its inputs, and moves along with the arrow keys.
//
// All sums are computed here, from the arrays of one channel: Python is only told where a person
// rests. Streamlit calls the default export after each run of the script, always with the same
// parentElement.

const steps = new WeakMap();
const REST = 600; // milliseconds without a step before the address follows
const PACE = 130, CALM_PACE = 600; // milliseconds a step of the player
const MAP = 256, THUMB = 92, GRID = 120; // CSS pixels
const WIDE = 1250, WIDE_SCALE = 1.4; // where there is room, all is drawn larger
const SHOWN = 4, SHOWN_BARS = 12; // inputs; the formula has 4, too

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".step");
  let step = steps.get(parentElement);
  if (!step || step.root !== root) {
    step = create(root);
    steps.set(parentElement, step);
  }
  step.answer = (place) => setTriggerValue("place", place);
  receive(step, data);
  return () => {
    // Also called when a newer run of the script overtakes this run: then it is still in use.
    setTimeout(() => {
      if (root.isConnected) return;
      pause(step);
      step.observer.disconnect();
      clearTimeout(step.resting);
      steps.delete(parentElement);
    }, 0);
  };
}

function create(root) {
  const find = (name) => root.querySelector(name);
  const step = {
    root,
    play: find(".play"),
    where: find(".where"),
    map: find(".map"),
    canvas: find(".map canvas"),
    hint: find(".hint"),
    formula: find(".formula"),
    check: find(".check"),
    rows: find(".rows"),
    more: find(".more"),
    tip: find(".tip"),
    revision: null,
    sent: null, // the last position that Python was told
    at: [0, 0],
    extra: 0,
    timer: 0,
    resting: 0,
    scale: 1,
  };
  step.observer = new ResizeObserver(() => {
    const scale = root.clientWidth >= WIDE ? WIDE_SCALE : 1;
    if (scale === step.scale) return;
    step.scale = scale;
    root.style.setProperty("--map", `${MAP * scale + 4}px`);
    if (step.head) draw(step);
  });
  step.observer.observe(root);
  step.play.addEventListener("click", () => (step.timer ? pause(step) : start(step)));
  step.map.addEventListener("keydown", (event) => moveByKey(step, event));
  const drag = (event) => {
    if (!(event.buttons & 1)) return;
    pause(step);
    go(step, placeOf(step, event));
  };
  step.map.addEventListener("pointerdown", (event) => {
    step.map.setPointerCapture(event.pointerId);
    drag(event);
  });
  step.map.addEventListener("pointermove", drag);
  step.more.addEventListener("click", () => {
    step.extra += 20;
    draw(step);
  });
  step.rows.addEventListener("pointermove", (event) => showTip(step, event));
  step.rows.addEventListener("pointerleave", () => (step.tip.hidden = true));
  return step;
}

// A line each: the position, a digest of the rest, the facts; then the arrays.
function receive(step, bytes) {
  const ends = [];
  for (let i = 0; ends.length < 3; i += 1) if (bytes[i] === 10) ends.push(i);
  const text = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
  const place = JSON.parse(text(0, ends[0]));
  const revision = text(ends[0] + 1, ends[1]);
  if (revision !== step.revision) {
    const head = JSON.parse(text(ends[1] + 1, ends[2]));
    const layer = `${head.layer} ${head.channel}`;
    if (layer !== step.layer) step.extra = 0;
    Object.assign(step, { revision, head, layer, arrays: {} });
    let start = ends[2] + 1;
    for (const [name, size] of head.arrays) {
      // A copy, since a view on floats must begin at a multiple of four.
      step.arrays[name] = new Float32Array(bytes.slice(start, start + 4 * size).buffer);
      start += 4 * size;
    }
    step.limit = largest(step.arrays.maps);
    step.sheets = new Map();
    prepare(step);
  }
  const told = JSON.stringify(place);
  // What Python says is late where it is only what it was told.
  if (told !== step.told && told !== step.sent) {
    step.at = place;
    step.told = told;
  }
  const [rows, columns] = step.head.places;
  step.at = [Math.min(step.at[0], rows - 1), Math.min(step.at[1], columns - 1)];
  draw(step);
}

function prepare(step) {
  const { head } = step;
  const [rows, columns] = head.places;
  const single = rows * columns === 1;
  step.root.classList.toggle("single", single);
  if (single) pause(step);
  step.map.setAttribute(
    "aria-label",
    `Output of ${head.layer}, ${head.channel}, ${rows} by ${columns}. Arrow keys move the position.`,
  );
  step.hint.textContent =
    `Output of ${head.channel}: green is above 0, purple below. Click a pixel, or focus the map ` +
    "and use the arrow keys.";
  label(step);
}

// ---- Moving ----------------------------------------------------------------------------------

function go(step, place) {
  if (place[0] === step.at[0] && place[1] === step.at[1]) return;
  step.at = place;
  draw(step);
  clearTimeout(step.resting);
  if (!step.timer) step.resting = setTimeout(() => tell(step), REST);
}

function tell(step) {
  step.sent = JSON.stringify(step.at);
  step.answer([...step.at]);
}

function moveByKey(step, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const [row, column] = step.at;
  const [rows, columns] = step.head.places;
  const target = {
    ArrowRight: [row, column + 1],
    ArrowLeft: [row, column - 1],
    ArrowDown: [row + 1, column],
    ArrowUp: [row - 1, column],
    Home: [row, 0],
    End: [row, columns - 1],
  }[event.key];
  if (!target) return;
  event.preventDefault();
  pause(step);
  go(step, [clamp(target[0], rows), clamp(target[1], columns)]);
}

function placeOf(step, event) {
  const box = step.canvas.getBoundingClientRect();
  const [rows, columns] = step.head.places;
  return [
    clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), rows),
    clamp(Math.floor(((event.clientX - box.left) / box.width) * columns), columns),
  ];
}

function clamp(value, count) {
  return Math.max(0, Math.min(count - 1, value));
}

function start(step) {
  const [rows, columns] = step.head.places;
  const next = () => {
    const position = step.at[0] * columns + step.at[1] + 1;
    if (position >= rows * columns) return pause(step);
    go(step, [Math.floor(position / columns), position % columns]);
  };
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  clearTimeout(step.resting);
  if (step.at[0] === rows - 1 && step.at[1] === columns - 1) step.at = [0, -1];
  step.timer = setInterval(next, calm ? CALM_PACE : PACE);
  label(step);
  next();
}

function pause(step) {
  if (!step.timer) return;
  clearInterval(step.timer);
  step.timer = 0;
  label(step);
  if (step.root.isConnected) step.resting = setTimeout(() => tell(step), REST);
}

function label(step) {
  step.play.textContent = step.timer ? "Pause" : "Play";
  step.play.title = "Slides the window over the map.";
}

// ---- Sums ------------------------------------------------------------------------------------

function computeTerms({ head, arrays, at }) {
  const [height, width] = head.input;
  const [tall, wide] = head.size;
  const area = tall * wide;
  const patches = new Float64Array(head.count * area);
  const products = new Float64Array(head.count * area);
  const sums = new Float64Array(head.count);
  for (let n = 0; n < head.count; n += 1) {
    for (let i = 0; i < area; i += 1) {
      const row = head.origin[0] + at[0] * head.strides + Math.floor(i / wide) * head.dilation;
      const column = head.origin[1] + at[1] * head.strides + (i % wide) * head.dilation;
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      const value = inside ? arrays.maps[(n * height + row) * width + column] : NaN;
      patches[n * area + i] = value;
      const product = inside ? value * (arrays.kernel ? arrays.kernel[n * area + i] : 1) : 0;
      products[n * area + i] = product;
      sums[n] += product;
    }
    if (arrays.mixture) sums[n] *= arrays.mixture[n];
  }
  const terms = { patches, products, sums, area };
  terms.order = [...sums.keys()].sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]) || a - b);
  return Object.assign(terms, results(head, arrays, at, terms));
}

function results(head, arrays, at, { patches, sums }) {
  const place = at[0] * head.places[1] + at[1];
  if (head.kind === "pool") {
    const seen = patches.filter((value) => !Number.isNaN(value));
    const total = head.mean ? seen.reduce((a, b) => a + b, 0) / seen.length : Math.max(...seen);
    return { total, output: total, seen };
  }
  if (head.kind === "norm") {
    const mean = arrays.means[place], variance = arrays.variances[place];
    const spread = Math.sqrt(variance + head.epsilon);
    const total = (head.gamma * (patches[0] - mean)) / spread + head.beta;
    return { total, output: total, mean, variance };
  }
  const total = sums.reduce((a, b) => a + b, 0) + (head.bias ?? 0);
  if (!arrays.scores) return { total, output: ACTIVATIONS[head.function](total) };
  const top = largestOf(arrays.scores);
  const all = arrays.scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  return { total, output: Math.exp(total - top) / all };
}

const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

// Abramowitz and Stegun 7.1.26: within 1.5e-7.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

function largest(values) {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most || 1;
}

function largestOf(values) {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}
