// Canvases as sharp as the screen is, in the colours of the style sheet.

/** Make a canvas ready to draw on. Returns its context with the scale set, and its size in CSS pixels. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Colours come from the style sheet, so that themes need no code. */
export function colourOf(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
