// Thumbnails lie on sheets, pictures of up to 256 of them, decoded when one is first shown.
const sheets = new Map();

function sheetOf(row) {
  const number = Math.floor(row / study.thumbnails.onSheet);
  if (!sheets.has(number)) {
    const bytes = bytesOf(byId(`sheet-${number}`).textContent);
    const sheet = { bitmap: null, ready: null };
    sheet.ready = createImageBitmap(new Blob([bytes], { type: "image/webp" })).then((bitmap) => { sheet.bitmap = bitmap; });
    sheets.set(number, sheet);
  }
  return sheets.get(number);
}

function placeOf(row) {
  const { width, height, columns: across, onSheet } = study.thumbnails;
  const place = row % onSheet;
  return [(place % across) * width, Math.floor(place / across) * height, width, height];
}

// Draws a thumbnail where its sheet is decoded; else calls back when it is.
function drawThumbnail(context, row, x, y, width, height, later) {
  const sheet = sheetOf(row);
  if (sheet.bitmap) context.drawImage(sheet.bitmap, ...placeOf(row), x, y, width, height);
  else if (later) sheet.ready.then(later);
  return sheet.bitmap != null;
}

// A canvas with the image of a row, its longer side `side` pixels wide; null without images.
function thumbnail(row, side) {
  if (!study.thumbnails) return null;
  const { width, height } = study.thumbnails, ratio = window.devicePixelRatio || 1;
  const scale = side / Math.max(width, height);
  const canvas = element("canvas", { class: "thumb", role: "img", "aria-label": `Image ${study.ids[row]}` });
  canvas.width = Math.round(width * scale * ratio);
  canvas.height = Math.round(height * scale * ratio);
  canvas.style.width = `${Math.round(width * scale)}px`;
  canvas.style.height = `${Math.round(height * scale)}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  const draw = () => drawThumbnail(context, row, 0, 0, canvas.width, canvas.height, draw);
  draw();
  return canvas;
}
