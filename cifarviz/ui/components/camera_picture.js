// Takes pictures with a camera, one or a few a second, and sends them to Python.
//
// Streamlit calls the default export after each run of the script. camera_stream.js is put before
// this file.

const PERIOD = 250; // milliseconds between continuous pictures, at least
const PATIENCE = 10_000; // milliseconds to wait for Python before the next

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const camera = findCamera(parentElement, setUp);
  camera.send = (picture) => setTriggerValue("picture", picture);
  receive(camera, JSON.parse(new TextDecoder().decode(data)));
  return () => endCamera(parentElement, camera);
}

function setUp(camera) {
  const find = (name) => camera.place.querySelector(name);
  Object.assign(camera, {
    sent: null, // { number }: the picture that Python has not received yet
    number: 0,
    timer: 0,
    shoot: find(".shoot"),
    live: find(".live"),
  });
  camera.onSwitch = () => {
    update(camera);
    plan(camera);
  };
  camera.shoot.addEventListener("click", () => take(camera));
  camera.live.addEventListener("change", camera.onSwitch);
  // Nobody looks at a page that is hidden.
  document.addEventListener("visibilitychange", () => plan(camera), { signal: camera.ended.signal });
}

function receive(camera, data) {
  camera.data = data;
  camera.number = Math.max(camera.number, data.number);
  if (camera.sent && data.number >= camera.sent.number) {
    camera.sent = null;
    plan(camera);
  }
  update(camera);
}

// The next of continuous pictures, once the last was received.
function plan(camera) {
  clearTimeout(camera.timer);
  if (!camera.stream || !camera.live.checked || document.hidden) return;
  const { sent } = camera;
  const wait = sent ? PATIENCE : PERIOD - (performance.now() - (camera.at ?? 0));
  camera.timer = setTimeout(() => take(camera), Math.max(0, wait));
}

async function take(camera) {
  const blob = camera.stream && (await photograph(camera.video, camera.canvas, camera.data.side));
  if (!blob) return;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  camera.number += 1;
  camera.at = performance.now();
  camera.sent = { number: camera.number };
  camera.send({ number: camera.number, picture: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) });
  plan(camera);
}

function update(camera) {
  const { place, stream, live } = camera;
  updatePower(camera);
  camera.shoot.classList.toggle("primary", stream !== null && !live.checked);
  camera.shoot.disabled = !stream || live.checked;
  live.disabled = !stream;
  place.querySelector(".view").classList.toggle("live", stream !== null && live.checked);
}
