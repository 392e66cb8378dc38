// Draws a Plotly figure from Python, and keeps zoom and legend choices across updates.
//
// Streamlit calls the default export after each run of the script and after a change of theme, always
// with the same parentElement. The state of each chart is kept in `charts`.

// Global, because a restarted server loads this script again.
const charts = (globalThis.cifarvizCharts ??= new WeakMap());
let library = null;
const LONGEST_WAIT = 500; // milliseconds that a chart out of sight leaves the page to others
const TABLES_EVERY = 5000; // milliseconds at least between two tables of a chart that moves
const REST = 3; // times as long as a drawing took, no chart of the page draws a feed's news again
const NARROW = 480; // pixels: below this width, a legend beside the axes leaves them no room

const PNG_ICON = {
  width: 24,
  height: 24,
  path: "M5 20h14v-2H5v2zM19 9h-4V3H9v6H5l7 7 7-7z",
};
const SVG_ICON = {
  width: 24,
  height: 24,
  path: "M3 17.5V21h3.5L17.6 9.9l-3.5-3.5L3 17.5zM20.7 7a1 1 0 0 0 0-1.4l-2.3-2.3a1 1 0 0 0-1.4 0L15.1 5.2l3.7 3.7L20.7 7z",
};

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".cifarviz-chart");
  let chart = charts.get(parentElement);
  if (!chart || chart.place !== place) {
    chart = create(place, parentElement.querySelector(".cifarviz-chart-tables"));
    charts.set(parentElement, chart);
  }
  chart.answer = (click) => setTriggerValue("click", click);
  chart.ask = () => setTriggerValue("rerun", Date.now());
  receive(chart, data);
  chart.follower.follow();
  draw(chart);
  return () => {
    // Also called when a newer run of the script overtakes this run: then the chart is still in use.
    setTimeout(() => {
      if (place.isConnected) return;
      chart.observer.disconnect();
      chart.follower.stop();
      clearTimeout(chart.tabling);
      clearTimeout(chart.resting);
      if (chart.drawn && globalThis.Plotly) globalThis.Plotly.purge(place);
      charts.delete(parentElement);
    }, 0);
  };
}

function create(place, tables) {
  const chart = {
    place,
    tables,
    tabling: null,
    resting: null,
    shownRevision: null,
    figure: null,
    head: null,
    revision: null,
    shown: null, // revision and theme of what is on screen
    width: 0,
    legend: 0, // height of a legend below the axes
    drawn: false,
    drawing: false,
    live: null, // what the feed has told
    version: 0, // counts what it has told of this figure
  };
  chart.follower = followerOf(chart);
  // Made once: a config that differs, be it in a function's identity, makes Plotly start anew and
  // forget the zoom.
  chart.config = configOf(chart);
  chart.observer = new ResizeObserver(() => {
    const width = place.clientWidth;
    if (width === chart.width) return;
    chart.width = width;
    // A chart in a closed tab has no width: it is drawn when the tab is opened.
    if (chart.drawn && width > 0) globalThis.Plotly.Plots.resize(place);
    draw(chart);
  });
  chart.observer.observe(place);
  return chart;
}

// Three lines: the header, a hash of everything, and the figure.
function receive(chart, bytes) {
  const headEnd = bytes.indexOf(10);
  const revisionEnd = bytes.indexOf(10, headEnd + 1);
  const decoder = new TextDecoder();
  const revision = decoder.decode(bytes.subarray(headEnd + 1, revisionEnd));
  if (revision === chart.revision) return;
  chart.revision = revision;
  const view = chart.head?.view;
  chart.head = JSON.parse(decoder.decode(bytes.subarray(0, headEnd)));
  chart.figure = JSON.parse(decoder.decode(bytes.subarray(revisionEnd + 1)));
  const { place, head } = chart;
  if (head.view !== view) chart.legend = 0;
  // Before Plotly is loaded, too, so that elements below do not move.
  place.style.height = `${heightOf(chart)}px`;
  place.style.minWidth = head.minWidth ? `${head.minWidth}px` : "";
  place.parentElement.style.overflowX = head.minWidth ? "auto" : "";
  place.setAttribute("role", "figure");
  place.setAttribute("aria-label", head.description || "Chart");
}

// ---- What moves ------------------------------------------------------------------------------

function followerOf(chart) {
  return createFollower(chart.place, {
    given: () => ({ live: chart.head.live, ask: chart.ask }),
    onNews(state, message) {
      chart.live = state;
      if (message.points || message.figures) {
        chart.version += 1;
        draw(chart);
      }
    },
    onEnd: () => (chart.live = null),
  });
}

function outlineOf(chart) {
  return chart.live?.figures?.[chart.head.live?.name] ?? chart.figure;
}

// The feed's figure where it has one, with its points in the traces that are marked for them.
function figureOf(chart) {
  const figure = outlineOf(chart);
  const points = chart.live?.points;
  if (!points?.steps.length || !figure.data.some((trace) => trace.meta?.live)) return figure;
  const values = points[chart.head.live.name];
  const dots = keptDots(points.steps);
  const x = Array.from(dots, (i) => points.steps[i] / Math.max(chart.live.stepsPerEpoch, 1));
  const filled = {
    batches: () => Array.from(dots, (i) => values[i]),
    trend: () => trendAt(values, dots),
  };
  return {
    ...figure,
    data: figure.data.map((trace) =>
      trace.meta?.live ? { ...trace, x, y: filled[trace.meta.live]() } : trace),
  };
}

// As in cifarviz/live/run_figures.py: a drawn dot never moves.
const MOST_DOTS = 1000;

function keptDots(steps) {
  let stride = 1;
  while (steps.length > stride * MOST_DOTS) stride *= 2;
  const dots = [];
  for (let i = 0; i < steps.length && dots.length < MOST_DOTS; i += 1)
    if (steps[i] % stride === 0) dots.push(i);
  return dots;
}

// As in cifarviz/figures/history.py: the mean around each point, of as many on both sides.
function trendAt(values, dots) {
  const count = values.length;
  const half = Math.max(Math.floor(count / 100), Math.min(8, Math.floor(count / 8)));
  const sums = new Float64Array(count + 1), known = new Float64Array(count + 1);
  for (let i = 0; i < count; i += 1) {
    const isKnown = Number.isFinite(values[i]);
    sums[i + 1] = sums[i] + (isKnown ? values[i] : 0);
    known[i + 1] = known[i] + (isKnown ? 1 : 0);
  }
  return dots.map((i) => {
    const reach = Math.min(half, i, count - 1 - i);
    const inside = known[i + reach + 1] - known[i - reach];
    if (reach < Math.floor(half / 2) || inside === 0) return null;
    return (sums[i + reach + 1] - sums[i - reach]) / inside;
  });
}

async function draw(chart) {
  if (chart.drawing) return; // the call under way looks again before it ends
  chart.drawing = true;
  try {
    const Plotly = await load(chart.head.script);
    // Visible charts are drawn first.
    if (!chart.drawn && !isInSight(chart.place)) await leisure();
    for (;;) {
      const theme = readTheme(chart.place);
      const below = hasLegendBelow(chart);
      const wanted = [chart.revision, chart.version, textScale(chart), below, ...Object.values(theme)]
        .join(" ");
      if (wanted === chart.shown || chart.place.clientWidth === 0 || !chart.place.isConnected) break;
      // What the page draws is drawn at once; what a feed adds, when there is time for it.
      if (chart.drawn && chart.revision === chart.shownRevision && !hasRested(chart)) break;
      const began = performance.now();
      if (!chart.drawn) chart.place.replaceChildren();
      chart.place.style.height = `${heightOf(chart)}px`;
      const figure = enlarged(figureOf(chart), textScale(chart));
      await Plotly.react(
        chart.place, dataOf(figure, theme), layoutOf(chart, figure, theme), chart.config);
      if (!chart.drawn) listen(chart);
      chart.drawn = true;
      // Its height is known only now; the axes keep theirs.
      const legend = below ? chart.place.querySelector(".legend .bg")?.getBBox().height ?? 0 : 0;
      if (legend > chart.legend) {
        chart.legend = Math.ceil(legend);
        continue;
      }
      restUntil = performance.now() + REST * (performance.now() - began);
      chart.shown = wanted;
      chart.shownRevision = chart.revision;
      chart.width = chart.place.clientWidth;
      chart.place.dataset.revision = `${chart.revision}.${chart.version}`;
      tabulate(chart);
    }
  } catch (error) {
    console.error(error);
    say(chart, error instanceof LibraryMissing
      ? "The chart cannot be drawn: its script did not load. Reload the page; if that does not help, restart cifarviz."
      : "This chart could not be drawn. Reload the page to try again.");
  } finally {
    chart.drawing = false;
  }
}

// Beside a training that takes all cores a drawing takes long: the page must still answer presses.
let restUntil = 0;

function hasRested(chart) {
  const left = restUntil - performance.now();
  if (left <= 0) return true;
  chart.resting ??= setTimeout(() => {
    chart.resting = null;
    draw(chart);
  }, left);
  return false;
}

// For screen readers, the drawing is replaced by tables. They come after the drawing, and no more
// often than they can be read.
function tabulate(chart) {
  for (const svg of chart.place.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true");
  chart.tabling ??= setTimeout(() => {
    chart.tabling = null;
    if (chart.drawn) replaceTables(chart.tables, describePlot(chart.place));
  }, chart.live && chart.tables.childElementCount ? TABLES_EVERY : 0);
}

function isInSight(place) {
  const { top, bottom } = place.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

function leisure() {
  return new Promise((done) => {
    // Not every browser has this function.
    if (window.requestIdleCallback) window.requestIdleCallback(done, { timeout: LONGEST_WAIT });
    else setTimeout(done, 50);
  });
}

function listen(chart) {
  chart.place.on("plotly_click", (event) => {
    const point = event.points?.[0];
    if (!point || !chart.head.click) return;
    chart.answer({
      trace: point.curveNumber,
      point: point.pointIndex ?? point.pointNumber ?? null,
      x: point.x ?? null,
      y: point.y ?? null,
      z: point.z ?? null,
      customdata: point.customdata ?? null,
    });
  });
}

function say(chart, sentence) {
  if (chart.drawn && globalThis.Plotly) globalThis.Plotly.purge(chart.place);
  chart.drawn = false;
  chart.shown = null;
  chart.tables.replaceChildren();
  chart.place.style.height = "";
  const paragraph = document.createElement("p");
  paragraph.setAttribute("role", "alert");
  paragraph.textContent = sentence;
  chart.place.replaceChildren(paragraph);
}

// ---- Theme -----------------------------------------------------------------------------------

function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    text: read("--st-text-color", "#222222"),
    background: read("--st-background-color", "#ffffff"),
    panel: read("--st-secondary-background-color", "#f0f2f6"),
    border: read("--st-border-color", "#cccccc"),
    primary: read("--st-primary-color", "#0072b2"),
    font: read("--st-font", "sans-serif"),
  };
}

// Defaults: Plotly uses a template for what the figure does not set itself.
function templateOf(theme) {
  return {
    layout: {
      font: { color: theme.text, family: theme.font },
      hoverlabel: {
        bgcolor: theme.panel,
        bordercolor: theme.border,
        font: { color: theme.text, family: theme.font },
      },
      modebar: {
        bgcolor: "rgba(0,0,0,0)",
        color: fade(theme.text, 0.5),
        activecolor: theme.primary,
      },
      colorscale: {
        sequential: scaleOf(theme),
      },
      colorway: [theme.primary],
    },
  };
}

// From the colour of the page's panels to a strong blue.
function scaleOf(theme) {
  const dark = isDark(theme.background);
  return [[0, theme.panel], [0.4, dark ? "#23597f" : "#6fb1da"], [1, dark ? "#1f86c9" : "#00558a"]];
}

// Texts that stand on the scale's colours (a trace whose meta says where on it, 0 to 1) are made
// readable there.
function dataOf(figure, theme) {
  return figure.data.map((trace) => {
    const places = trace.meta?.onScale;
    if (!places) return trace;
    const color = places.map((place) => readableOn(colorOnScale(place, theme), theme.text));
    return { ...trace, textfont: { ...trace.textfont, color } };
  });
}

function colorOnScale(place, theme) {
  const scale = scaleOf(theme);
  const end = Math.max(1, scale.findIndex(([stop]) => stop >= place));
  const [[from, low], [to, high]] = scale.slice(end - 1, end + 1);
  const amount = (place - from) / (to - from);
  const [a, b] = [channels(low), channels(high)];
  return a.map((value, i) => value + (b[i] - value) * amount);
}

// The page's text colour if its contrast is sufficient, else white or black.
function readableOn(background, text) {
  const enough = 4.5; // WCAG 2, AA
  const under = luminance(background);
  return [text, "#ffffff", "#000000"].find((color) => {
    const [low, high] = [under, luminance(channels(color))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05) >= enough;
  });
}

function luminance(color) {
  const [red, green, blue] = color.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function layoutOf(chart, figure, theme) {
  const { layout } = figure;
  // Plotly writes the zoom into the layout it is given; the figure itself stays as it came.
  const own = structuredClone(layout);
  delete own.width;
  if (hasLegendBelow(chart)) {
    Object.assign(own.legend, {
      orientation: "h", x: 0, y: 0, xref: "container", yref: "container", yanchor: "bottom",
    });
    own.margin = { ...own.margin, b: (own.margin?.b ?? 80) + chart.legend };
  }
  return {
    ...own,
    height: heightOf(chart),
    autosize: true,
    template: templateOf(theme),
    uirevision: `${layout.uirevision ?? "keep"} ${chart.head.view}`,
  };
}

const USUAL_REM = 16; // pixels, for which figures are made
const LENGTHS = ["size", "width", "l", "r", "t", "b", "tracegroupgap"];

function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function textScale(chart) {
  return chart.head.remHeight ? rem() / USUAL_REM : 1;
}

// The figure with texts, lines, markers and margins `scale` times as large.
function enlarged(figure, scale) {
  if (scale === 1) return figure;
  const grow = (value) => {
    if (Array.isArray(value)) return value.map((item) => (typeof item === "object" ? grow(item) : item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) =>
      [name, LENGTHS.includes(name) && typeof inner === "number" ? inner * scale : grow(inner)]));
  };
  return { data: grow(figure.data), layout: grow(figure.layout) };
}

function heightOf(chart) {
  const height = chart.head.remHeight
    ? chart.head.remHeight * rem()
    : (chart.head.height ?? outlineOf(chart).layout.height ?? 360);
  return hasLegendBelow(chart) ? height + chart.legend : height;
}

function hasLegendBelow(chart) {
  return chart.place.clientWidth < NARROW && outlineOf(chart).layout.legend?.orientation === "v";
}

function isDark(color) {
  const [red, green, blue] = channels(color);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

function fade(color, opacity) {
  return `rgba(${channels(color).join(", ")}, ${opacity})`;
}

// Any CSS colour as red, green and blue: the canvas knows them all. Reading its pixels takes a
// while, and a matrix asks for the same few colours a hundred times.
const known = new Map();

function channels(color) {
  let found = known.get(color);
  if (!found) {
    const context = (channels.canvas ??= document.createElement("canvas").getContext("2d", {
      willReadFrequently: true,
    }));
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    found = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    known.set(color, found);
  }
  return found;
}

// ---- Mode bar --------------------------------------------------------------------------------

function configOf(chart) {
  return {
    ...PLOTLY_CONFIG, // figures/theme.py; resizing is left to the observer above
    modeBarButtonsToAdd: [
      button(chart, "png", "Download as PNG", PNG_ICON),
      button(chart, "svg", "Download as SVG", SVG_ICON),
    ],
  };
}

function button(chart, format, title, icon) {
  return { name: `cifarviz-${format}`, title, icon, click: (plot) => save(chart, plot, format) };
}

function save(chart, plot, format) {
  const theme = readTheme(chart.place);
  // A transparent picture with light text would be unreadable on paper: the page comes along.
  const layout = { ...plot.layout, paper_bgcolor: theme.background };
  return globalThis.Plotly.downloadImage(
    { data: plot.data, layout },
    {
      format,
      filename: chart.head.fileName,
      width: plot._fullLayout.width,
      height: plot._fullLayout.height,
      scale: format === "png" ? 2 : 1,
    },
  );
}

// ---- Plotly itself ---------------------------------------------------------------------------

class LibraryMissing extends Error {}

// Once per page for all charts. After a failure the next run of the script tries again.
function load(script) {
  library ??= find(script).then(shareWalks).catch((error) => {
    library = null;
    throw error;
  });
  return library;
}

// Plotly walks its whole schema for the arrays of each trace, 1 ms a curve. Traces of one type that
// hold arrays at the same places share one walk here: half of the time that fifty runs take.
function shareWalks(Plotly) {
  const schema = Plotly.PlotSchema;
  const walk = schema?.findArrayAttributes;
  if (!walk || walk.isShared) return Plotly;
  const found = new Map();
  schema.findArrayAttributes = (trace) => {
    const places = [trace.type, trace._module?.name, ...arraysIn(trace)].join(" ");
    if (!found.has(places)) found.set(places, walk(trace));
    return [...found.get(places)];
  };
  schema.findArrayAttributes.isShared = true;
  return Plotly;
}

function* arraysIn(container, path = "") {
  for (const [name, value] of Object.entries(container)) {
    if (name.startsWith("_")) continue;
    const place = `${path}.${name}`;
    if (isArray(value)) yield place;
    // Only lists of containers hold more arrays that count.
    if (isContainer(isArray(value) ? value[0] : value)) yield* arraysIn(value, place);
  }
}

const isArray = (value) => Array.isArray(value) || ArrayBuffer.isView(value);
const isContainer = (value) => value !== null && typeof value === "object" && !isArray(value);

async function find(script) {
  if (globalThis.Plotly?.react) return globalThis.Plotly;
  // The page's own address may be any page of the app, under any base path: look beside it, then
  // further up.
  let folder = new URL("./", document.baseURI);
  for (;;) {
    await include(new URL(`app/static/${script}`, folder).href);
    if (globalThis.Plotly?.react) return globalThis.Plotly;
    const parent = new URL("../", folder);
    if (parent.href === folder.href) break;
    folder = parent;
  }
  throw new LibraryMissing(`${script} is not served by app/static.`);
}

function include(address) {
  return new Promise((resolve) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = element.onerror = () => {
      element.remove();
      resolve();
    };
    document.head.append(element);
  });
}
