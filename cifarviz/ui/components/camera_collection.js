// ---- The pictures that were collected, which stay in this tab until Python has them -----------

// Global, so that they outlive a visit to another page.
const collection = (globalThis.cifarvizCamera ??= startCollection());
const PART_BYTES = 700_000; // of pictures in a message to Python
const PART_PICTURES = 100;

// `capture` is the id of a collection that Python has received, until it changes.
function startCollection() {
  const started = { classes: [], holds: 0, made: 0, capture: null };
  addEventListener("beforeunload", (event) => {
    if (countPictures(started) && !started.capture) event.preventDefault();
  });
  return started;
}

function addClass() {
  collection.made += 1;
  const added = { id: collection.made, name: `Class ${collection.made}`, pictures: [], taken: 0 };
  collection.classes.push(added);
  collection.capture = null;
  return added;
}

function removeClass(one) {
  one.pictures.forEach(forgetPicture);
  collection.classes.splice(collection.classes.indexOf(one), 1);
  collection.capture = null;
}

function addPicture(one, blob, hold) {
  one.taken += 1;
  const picture = { blob, hold, number: one.taken, url: URL.createObjectURL(blob) };
  one.pictures.push(picture);
  collection.capture = null;
  return picture;
}

function removePicture(one, picture) {
  forgetPicture(picture);
  one.pictures.splice(one.pictures.indexOf(picture), 1);
  collection.capture = null;
}

function clearCollection() {
  collection.classes.flatMap((one) => one.pictures).forEach(forgetPicture);
  Object.assign(collection, { classes: [], holds: 0, made: 0, capture: null });
}

function forgetPicture(picture) {
  URL.revokeObjectURL(picture.url);
}

function countPictures(from = collection) {
  return from.classes.reduce((sum, one) => sum + one.pictures.length, 0);
}

// As Python compares the names of classes.
function plainName(name) {
  return name.normalize("NFC").replaceAll(",", " ").split(/\s+/).filter(Boolean).join(" ");
}

function nameOfClass(one) {
  return plainName(one.name) || `class ${collection.classes.indexOf(one) + 1}`;
}

// Why the pictures cannot be used yet, and the class it is about; null if they can.
function findProblem() {
  const { classes } = collection;
  if (classes.length < 2) return ["A network needs two classes or more to tell apart: add one."];
  const names = new Map();
  for (const one of classes) {
    const name = plainName(one.name);
    if (!name) return ["A class has no name: type one.", one];
    if (names.has(name)) return [`Two classes are called “${name}”: give each a name of its own.`, one];
    names.set(name, one);
  }
  const empty = classes.find((one) => !one.pictures.length);
  return empty ? [`“${nameOfClass(empty)}” has no pictures: take some, or delete the class.`, empty] : null;
}

// All pictures, as messages of a bounded size; each picture is its class, its hold and its file.
function divideIntoParts() {
  const parts = [[]];
  let bytes = 0;
  collection.classes.forEach((one, label) => {
    for (const { blob, hold } of one.pictures) {
      if (bytes + blob.size > PART_BYTES || parts.at(-1).length === PART_PICTURES) {
        parts.push([]);
        bytes = 0;
      }
      bytes += blob.size;
      parts.at(-1).push([label, hold, blob]);
    }
  });
  return parts;
}

function encodeBlob(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function newCaptureId() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
}
