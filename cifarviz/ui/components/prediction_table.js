// Shows a table with a row per image, and sends the number of a clicked row to Python.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each table is kept in `tables`.

const tables = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".frame");
  let table = tables.get(parentElement);
  if (!table || table.place !== place) {
    table = { place, revision: null, address: null, answer: null };
    tables.set(parentElement, table);
    place.addEventListener("click", (event) => {
      const row = event.target.closest?.("tr[data-row]");
      // Selecting text to copy it is not a click.
      if (row && !String(window.getSelection())) table.answer(Number(row.dataset.row));
    });
  }
  table.answer = (row) => setTriggerValue("click", row);
  receive(table, data);
  return () => {
    // Also called when a newer run of the script overtakes this run: then the table is still in use.
    setTimeout(() => {
      if (place.isConnected) return;
      URL.revokeObjectURL(table.address);
      tables.delete(parentElement);
    }, 0);
  };
}

// A line that changes with what is shown, a line for the rows, then the PNG.
function receive(table, bytes) {
  const revisionEnd = bytes.indexOf(10);
  const headEnd = bytes.indexOf(10, revisionEnd + 1);
  const decoder = new TextDecoder();
  const revision = decoder.decode(bytes.subarray(0, revisionEnd));
  if (revision === table.revision) return;
  table.revision = revision;
  if (table.address) URL.revokeObjectURL(table.address);
  table.address = URL.createObjectURL(new Blob([bytes.slice(headEnd + 1)], { type: "image/png" }));
  const head = JSON.parse(decoder.decode(bytes.subarray(revisionEnd + 1, headEnd)));
  table.place.replaceChildren(build(head, table.address));
}

function build(head, address) {
  const table = element("table");
  table.append(element("caption", head.description));
  const top = element("tr");
  for (const title of ["Image", "Index", "Actual", ...head.columns]) {
    const cell = element("th", title);
    cell.scope = "col";
    top.append(cell);
  }
  top.lastChild.className = "ensemble";
  const heading = element("thead");
  heading.append(top);
  const body = element("tbody");
  head.indices.forEach((index, row) => body.append(line(head, address, index, row)));
  table.append(heading, body);
  return table;
}

function line(head, address, index, row) {
  const place = element("tr");
  place.dataset.row = row;
  const image = element("td");
  const button = element("button");
  button.type = "button";
  button.setAttribute("aria-label", `Test image ${index}: ${head.actual[row]}; show all probabilities`);
  button.append(picture(head, address, row));
  image.append(button);
  place.append(image, element("td", String(index)), element("td", head.actual[row]));
  for (const [name, isCorrect, tooltip] of head.predictions[row]) {
    const cell = element("td");
    cell.title = tooltip;
    const mark = element("span", isCorrect ? "✓" : "✗");
    mark.className = "mark";
    mark.setAttribute("aria-label", isCorrect ? "right:" : "wrong:");
    mark.setAttribute("role", "img");
    cell.className = isCorrect ? "right" : "wrong";
    cell.append(mark, ` ${name}`);
    place.append(cell);
  }
  place.lastChild.classList.add("ensemble");
  return place;
}

function picture(head, address, row) {
  const [width, height] = head.tile;
  // A whole number of screen pixels an image pixel, so that all of them are squares of one size.
  const scale = Math.max(1, Math.round(head.size / width));
  const column = row % head.spriteColumns;
  const above = Math.floor(row / head.spriteColumns);
  const shown = element("span");
  shown.className = "picture";
  Object.assign(shown.style, {
    width: `${width * scale}px`,
    height: `${height * scale}px`,
    backgroundImage: `url(${address})`,
    backgroundSize: `${head.spriteColumns * width * scale}px auto`,
    backgroundPosition: `${-column * width * scale}px ${-above * height * scale}px`,
  });
  return shown;
}

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}
