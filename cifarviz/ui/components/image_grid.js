// Shows the tiles of a sprite as buttons, and sends the index of the pressed one to Python.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each grid is kept in `grids`.

const grids = new WeakMap();
const PATIENCE = 2000; // milliseconds for the page to confirm a click

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".grid");
  let grid = grids.get(parentElement);
  if (!grid || grid.place !== place) {
    grid = create(place, parentElement.querySelector(".tip"));
    grids.set(parentElement, grid);
  }
  grid.answer = (index) => setTriggerValue("click", index);
  receive(grid, data);
  return () => {
    // Also called when a newer run of the script overtakes this run: then the grid is still in use.
    setTimeout(() => {
      if (place.isConnected) return;
      URL.revokeObjectURL(grid.address);
      grid.observer.disconnect();
      grids.delete(parentElement);
    }, 0);
  };
}

function create(place, tip) {
  const grid = {
    place,
    tip,
    head: null,
    text: null,
    sprite: null,
    address: null,
    buttons: [],
    chosen: null,
    scale: 1,
    width: null, // unknown until the browser has laid out the page: asking sooner would force it to
    doubt: 0,
  };
  grid.observer = new ResizeObserver(() => {
    const isFirst = grid.width === null;
    grid.width = place.clientWidth;
    if (grid.head && (isFirst || scaleOf(grid) !== grid.scale)) build(grid);
  });
  grid.observer.observe(place);
  place.addEventListener("click", (event) => {
    const index = indexOf(event);
    if (index === null) return;
    // At once; the page's own answer follows. One that changes nothing isn't sent: then it is as
    // the page said before.
    select(grid, index);
    clearTimeout(grid.doubt);
    grid.doubt = setTimeout(() => select(grid, grid.chosen), PATIENCE);
    grid.answer(index);
  });
  place.addEventListener("keydown", (event) => move(grid, event));
  place.addEventListener("pointerover", (event) => showTip(grid, event));
  place.addEventListener("focusin", (event) => {
    roam(grid, indexOf(event));
    if (event.target.matches(":focus-visible")) showTip(grid, event);
  });
  for (const leaving of ["pointerleave", "focusout"]) {
    place.addEventListener(leaving, () => (grid.tip.hidden = true));
  }
  return grid;
}

// Two lines, the choice and the tiles, then the PNG.
function receive(grid, bytes) {
  const choiceEnd = bytes.indexOf(10);
  const headEnd = bytes.indexOf(10, choiceEnd + 1);
  const decoder = new TextDecoder();
  const text = decoder.decode(bytes.subarray(choiceEnd + 1, headEnd));
  if (text !== grid.text) {
    const before = grid.head;
    grid.text = text;
    grid.head = JSON.parse(text);
    if (grid.head.sprite !== grid.sprite) {
      if (grid.address) URL.revokeObjectURL(grid.address);
      const png = bytes.slice(headEnd + 1);
      grid.address = URL.createObjectURL(new Blob([png], { type: "image/png" }));
      grid.sprite = grid.head.sprite;
    }
    if (grid.width !== null) {
      if (before && formOf(before) === formOf(grid.head)) fill(grid);
      else build(grid);
    }
  }
  grid.chosen = JSON.parse(decoder.decode(bytes.subarray(0, choiceEnd)));
  clearTimeout(grid.doubt);
  select(grid, grid.chosen);
}

// What the tiles are made of: if only pictures, names and the bars' lengths are others, hundreds of
// tiles stay.
function formOf({ tile, columns, count, size, largest, labels, colors, bars }) {
  const many = bars?.map((row) => row.length);
  return JSON.stringify([tile, columns, count, size, largest, labels, colors, many]);
}

// A whole number of screen pixels an image pixel, so that all of them are squares of one size.
function scaleOf(grid) {
  const { size, largest, tile: [width] } = grid.head;
  const least = Math.max(1, Math.round(size / width));
  if (largest === null) return least;
  let scale = least;
  while ((scale + 1) * width <= largest && rowsOf(grid, scale + 1) <= rowsOf(grid, least)) scale += 1;
  return scale;
}

function rowsOf({ width: whole, head }, scale) {
  const gap = gapOf(head);
  const columns = Math.floor((whole - 8 + gap) / (scale * head.tile[0] + gap));
  return Math.ceil(head.count / Math.max(1, columns));
}

// As in the style sheet.
function gapOf(head) {
  return head.labels ? 8 : 5;
}

function build(grid) {
  const { place, head } = grid;
  const [width, height] = head.tile;
  const scale = grid.scale = scaleOf(grid);
  const focused = grid.buttons.indexOf(place.getRootNode().activeElement);
  place.classList.toggle("bare", !head.labels);
  place.style.gridTemplateColumns = `repeat(auto-fill, ${width * scale}px)`;
  // Grids without labels are not drawn out of sight (style sheet), but keep their height.
  const rows = rowsOf(grid, scale);
  place.style.containIntrinsicHeight = `${rows * (height * scale + gapOf(head)) - gapOf(head)}px`;
  grid.buttons = Array.from({ length: head.count }, (_, index) => tile(grid, index, scale));
  if (head.count) place.replaceChildren(...grid.buttons);
  else place.replaceChildren(Object.assign(document.createElement("p"), { textContent: "Nothing to show." }));
  fill(grid);
  select(grid, grid.chosen);
  roam(grid, Math.max(0, Math.min(focused, head.count - 1)));
  if (focused >= 0) grid.buttons[Math.min(focused, head.count - 1)]?.focus();

  function tile(grid, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.index = index;
    const picture = document.createElement("span");
    picture.className = "picture";
    const column = index % head.columns;
    const row = Math.floor(index / head.columns);
    Object.assign(picture.style, {
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      backgroundSize: `${head.columns * width * scale}px auto`,
      backgroundPosition: `${-column * width * scale}px ${-row * height * scale}px`,
    });
    button.append(picture);
    if (head.colors) {
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.style.background = head.colors[index];
      button.append(bar);
    }
    if (head.labels) {
      const label = document.createElement("span");
      label.className = "label";
      label.textContent = head.labels[index];
      button.append(label);
    }
    if (head.bars) {
      const bars = document.createElement("span");
      bars.className = "bars";
      bars.append(...head.bars[index].map(() => document.createElement("i")));
      button.append(bars);
    }
    return button;
  }
}

// The pictures, the names and the bars, into the tiles that are there.
function fill(grid) {
  const { place, head } = grid;
  place.setAttribute("aria-label", head.description);
  place.style.setProperty("--sprite", `url(${grid.address})`);
  grid.tip.hidden = true;
  const muted = new Set(head.muted);
  grid.buttons.forEach((button, index) => {
    const name = accessibleName(head, index);
    if (button.getAttribute("aria-label") !== name) button.setAttribute("aria-label", name);
    if (button.classList.contains("muted") !== muted.has(index)) button.classList.toggle("muted");
    head.bars?.[index].forEach(([share, color, marked], i) => {
      const bar = button.lastChild.children[i];
      bar.style.backgroundImage = `linear-gradient(${color}, ${color})`;
      bar.style.backgroundSize = `${100 * share}%`;
      bar.className = marked ? "marked" : "";
    });
  });
}

function nameOf(head, index) {
  const name = head.tooltips?.[index] ?? head.labels?.[index] ?? `${head.noun} ${index}`;
  return head.muted.includes(index) ? `${name} (${head.mutedWord})` : name;
}

// Contains the visible label as it is written, for those who speak it to press the tile.
function accessibleName(head, index) {
  const name = nameOf(head, index), label = head.labels?.[index] ?? "";
  const inOneLine = label.replace(/\s+/g, " ");
  return name.includes(inOneLine) ? name.replace(inOneLine, () => label) : `${name}, ${label}`;
}

function indexOf(event) {
  const button = event.target.closest?.("button");
  return button ? Number(button.dataset.index) : null;
}

function select(grid, index) {
  grid.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
}

// ---- Keyboard: one stop for Tab, arrows inside -----------------------------------------------

function roam(grid, index) {
  if (index === null) return;
  grid.buttons.forEach((button, i) => (button.tabIndex = i === index ? 0 : -1));
}

function move(grid, event) {
  const index = indexOf(event);
  if (index === null || event.altKey || event.ctrlKey || event.metaKey) return;
  const columns = getComputedStyle(grid.place).gridTemplateColumns.split(" ").length;
  const last = grid.buttons.length - 1;
  const target = {
    ArrowRight: index + 1,
    ArrowLeft: index - 1,
    ArrowDown: index + columns,
    ArrowUp: index - columns,
    Home: 0,
    End: last,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  grid.buttons[target]?.focus();
}

// ---- Tooltip ---------------------------------------------------------------------------------

function showTip(grid, event) {
  const index = indexOf(event);
  if (index === null) {
    grid.tip.hidden = true;
    return;
  }
  const { tip } = grid;
  tip.textContent = nameOf(grid.head, index);
  tip.hidden = false;
  const button = grid.buttons[index].getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(button.left, window.innerWidth - width - 8);
  const above = button.top - height - 5;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above > 60 ? above : button.bottom + 5}px`;
}
