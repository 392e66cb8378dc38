// Tables of what a chart draws, for screen readers; of pages and of reports.

const MOST_ROWS = 20; // of the points of a curve
const MOST_CELLS = 676; // of a heatmap; of larger ones the largest values are listed

// Tables, and texts in the chart, of a figure that Plotly has drawn. Like the pointer, they leave out
// traces that are only decoration.
function describePlot(plot) {
  const layout = plot._fullLayout;
  const drawn = plot._fullData.filter((trace) => trace.visible !== false && trace.hoverinfo !== "skip");
  const tables = groupsOf(plot, drawn).map((traces) =>
    traces[0].type === "heatmap" ? heatmapTable(plot, traces[0]) : curvesTable(plot, traces));
  const texts = (layout.annotations ?? []).filter((note) => note.visible && note.text)
    .map((note) => withoutTags(note.text));
  const notes = [...new Set(texts)].map((text) => element("p", text));
  return [...notes, ...tables];
}

// Curves over the same points are columns of one table.
function groupsOf(plot, traces) {
  const groups = new Map();
  traces.forEach((trace, number) => {
    const isHeatmap = trace.type === "heatmap", isFlat = isHorizontal(plot, trace);
    const keys = isHeatmap ? number : listOf(isFlat ? trace.y : trace.x).join();
    const name = [isHeatmap, trace.xaxis, trace.yaxis, isFlat, keys].join();
    groups.set(name, [...(groups.get(name) ?? []), trace]);
  });
  return [...groups.values()];
}

function curvesTable(plot, traces) {
  const isFlat = isHorizontal(plot, traces[0]);
  const keyAxis = axisOf(plot, traces[0], isFlat ? "y" : "x");
  const valueAxis = axisOf(plot, traces[0], isFlat ? "x" : "y");
  const keys = listOf(isFlat ? traces[0].y : traces[0].x);
  const columns = traces.map((trace) => listOf(isFlat ? trace.x : trace.y));
  const rows = shownRows(keys.length, columns);
  const names = traces.map((trace) => withoutTags(trace.name));
  const isNumbered = keyAxis.visible === false; // a drawing without a scale
  const valueName = valueAxis.visible === false ? "Description" : valueAxis.name || names[0];
  const part = rows.length < keys.length ? ` (${rows.length} of ${keys.length.toLocaleString("en")} points)` : "";
  return tableElement(
    `${plot._fullLayout.showlegend ? names.join(", ") : valueName}${part}`,
    [isNumbered ? "Number" : keyAxis.name || "Name", ...(traces.length > 1 ? names : [valueName])],
    rows.map((row) => [
      isNumbered ? String(row + 1) : format(keys[row], keyAxis.isShare),
      ...traces.map((trace, i) => pointText(trace, columns[i][row], row, valueAxis)),
    ]),
  );
}

function pointText(trace, value, row, axis) {
  const told = trace.hovertext?.[row];
  if (axis.visible === false && told) return withoutTags(told);
  const base = Array.isArray(trace.base) || ArrayBuffer.isView(trace.base) ? trace.base[row] : null;
  const text = base === null ? format(value, axis.isShare)
    : `${format(base, axis.isShare)} to ${format(base + value, axis.isShare)}`;
  const label = trace.type === "scatter" && Array.isArray(trace.text) ? withoutTags(trace.text[row]) : "";
  return label ? `${text} (${label})` : text;
}

function heatmapTable(plot, trace) {
  const columnName = axisOf(plot, trace, "x").name.toLowerCase() || "column";
  const rowName = axisOf(plot, trace, "y").name || "Row";
  const isShare = isPercent(trace.zhoverformat);
  const rows = Array.from(trace.z, listOf);
  const width = rows[0]?.length ?? 0;
  const across = Array.from({ length: width }, (_, i) => format(trace.x?.[i] ?? i, false));
  const down = rows.map((_, i) => format(trace.y?.[i] ?? i, false));
  if (rows.length * width <= MOST_CELLS) {
    return tableElement(`${rowName} by ${columnName}`, [rowName, ...across],
      rows.map((row, i) => [down[i], ...row.map((value) => format(value, isShare))]));
  }
  const cells = rows.flatMap((row, i) => row.map((value, j) => [value, i, j]))
    .filter(([value]) => Number.isFinite(value)).sort(([a], [b]) => b - a).slice(0, MOST_ROWS);
  return tableElement(`The ${cells.length} largest values`, [rowName, columnName, "Value"],
    cells.map(([value, i, j]) => [down[i], across[j], format(value, isShare)]));
}

// The first and the last, the lowest and highest of each column, and some evenly between.
function shownRows(count, columns) {
  if (count <= MOST_ROWS) return Array.from({ length: count }, (_, i) => i);
  const rows = new Set([0, count - 1]);
  for (const values of columns) {
    const known = values.map((value, i) => [value, i]).filter(([value]) => Number.isFinite(value));
    for (const better of [(a, b) => a < b, (a, b) => a > b]) {
      if (!known.length || rows.size >= MOST_ROWS) break;
      rows.add(known.reduce((best, next) => (better(next[0], best[0]) ? next : best))[1]);
    }
  }
  const between = MOST_ROWS - rows.size;
  for (let i = 1; i <= between; i += 1) rows.add(Math.round((i * count) / (between + 1)));
  return [...rows].sort((a, b) => a - b);
}

// Whether the values are along the x axis, as in a list of classes.
function isHorizontal(plot, trace) {
  const isNamed = (letter) => axisOf(plot, trace, letter).type === "category";
  return trace.orientation === "h" || (trace.type === "scatter" && isNamed("y") && !isNamed("x"));
}

function listOf(values) {
  return Array.from(values ?? []);
}

function axisOf(plot, trace, letter) {
  const name = `${letter}axis${(trace[`${letter}axis`] ?? letter).slice(1)}`;
  const axis = plot._fullLayout[name] ?? {};
  const title = plot.layout[name]?.title;
  const formats = [axis.tickformat, ...(axis.tickformatstops ?? []).map((stop) => stop.value)];
  return {
    name: withoutTags(typeof title === "string" ? title : title?.text),
    type: axis.type,
    visible: axis.visible,
    isShare: formats.some(isPercent),
  };
}

function isPercent(format) {
  return typeof format === "string" && format.endsWith("%");
}

function format(value, isShare) {
  if (typeof value === "string") return withoutTags(value);
  if (!Number.isFinite(value)) return "–";
  if (isShare) return `${(100 * value).toFixed(1)}%`;
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return value !== 0 && Math.abs(value) < 0.001
    ? value.toExponential(2) : value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

// Plotly's texts may have tags and entities.
function withoutTags(text) {
  const spaced = String(text ?? "").replace(/<br\s*\/?>/gi, " ");
  return new DOMParser().parseFromString(spaced, "text/html").body.textContent.trim();
}

function tableElement(caption, headings, rows) {
  const table = element("table");
  const head = element("tr");
  head.append(...headings.map((text) => Object.assign(element("th", text), { scope: "col" })));
  const top = element("thead"), body = element("tbody");
  top.append(head);
  for (const [first, ...rest] of rows) {
    const line = element("tr");
    line.append(
      Object.assign(element("th", first), { scope: "row" }),
      ...rest.map((text) => element("td", text)),
    );
    body.append(line);
  }
  table.append(element("caption", caption), top, body);
  return table;
}

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Not seen, but read.
const FOR_READERS = "position: absolute; width: 1px; height: 1px; margin: -1px; overflow: clip; "
  + "clip-path: inset(50%); white-space: nowrap";

// Replaces what a screen reader finds in `place`, if it is another.
function replaceTables(place, parts) {
  place.style.cssText = FOR_READERS;
  if (place.innerHTML === parts.map((part) => part.outerHTML).join("")) return;
  place.replaceChildren(...parts);
}
