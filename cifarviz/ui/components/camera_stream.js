// ---- The camera: switched on and off, and photographed ----------------------------------------

const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

// Returns the stream of a camera; throws what getUserMedia does.
async function openStream(device) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "Insecure");
  const video = device ? { ...WANTED, deviceId: { exact: device } } : WANTED;
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput");
}

// Why there is no picture, and what to do.
function explainTrouble(error) {
  switch (error?.name) {
    case "Insecure":
      return isSecureContext
        ? "This browser gives pages no camera. Open cifarviz in another browser."
        : `Browsers give a page the camera only at localhost or over HTTPS, and this page came from ${location.origin}. Open it at http://localhost${location.port && `:${location.port}`} on the computer that runs cifarviz.`;
    case "NotAllowedError":
    case "SecurityError":
      return "The browser does not let this page use the camera. Allow it in the page’s settings, left of the address, and switch it on again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Connect one, and switch it on again.";
    case "NotReadableError":
    case "AbortError":
      return "The camera does not start: another program may be using it. Close that program, and switch the camera on again.";
    case "Ended":
      return "The camera was disconnected, or another program took it. Switch it on again.";
    default:
      return `The camera does not start (${error?.message || error}). Switch it on again, or try another browser.`;
  }
}

// The square in the middle of what the camera sees, as a JPEG of at most `side` pixels.
function photograph(video, canvas, side) {
  const { videoWidth: width, videoHeight: height } = video;
  const square = Math.min(width, height);
  if (!square) return Promise.resolve(null);
  canvas.width = canvas.height = Math.min(side, square);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(
    video, (width - square) / 2, (height - square) / 2, square, square,
    0, 0, canvas.width, canvas.height,
  );
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}
