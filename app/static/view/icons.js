// Icons as inline SVG that follow the text's colour.

const PATHS = {
  play: '<path d="M7 4.5v15l12-7.5z" fill="currentColor" stroke="none"/>',
  pause: '<path d="M7 5h3.5v14H7zM13.5 5H17v14h-3.5z" fill="currentColor" stroke="none"/>',
  stop: '<rect x="6" y="6" width="12" height="12" rx="1.5" fill="currentColor" stroke="none"/>',
  upload: '<path d="M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 15v4h14v-4"/>',
  save: '<path d="M12 5v11m0 0 4.5-4.5M12 16l-4.5-4.5M5 15v4h14v-4"/>',
  piano: '<rect x="3.5" y="5" width="17" height="14" rx="1.5"/><path d="M9 5v8m6-8v8M9 13v6m6-6v6"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4m0-12.8L17 7M7 17l-1.4 1.4"/>',
  moon: '<path d="M19 14.5A7.5 7.5 0 0 1 9.5 5 7.5 7.5 0 1 0 19 14.5z"/>',
  dice: '<rect x="4.5" y="4.5" width="15" height="15" rx="3"/><g fill="currentColor" stroke="none"><circle cx="9" cy="9" r="1.3"/><circle cx="15" cy="9" r="1.3"/><circle cx="12" cy="12" r="1.3"/><circle cx="9" cy="15" r="1.3"/><circle cx="15" cy="15" r="1.3"/></g>',
  link: '<path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1"/>',
  sliders: '<path d="M4 7h8m4 0h4M4 17h4m4 0h8"/><circle cx="14" cy="7" r="2"/><circle cx="10" cy="17" r="2"/>',
  unfold: '<path d="M6 9.5l6 6 6-6"/>',
  remove: '<path d="M7 7l10 10M17 7L7 17"/>',
  repeat: '<path d="M5 8h10a4 4 0 0 1 0 8H7m0 0 3.5-3.5M7 16l3.5 3.5"/>',
  undo: '<path d="M8.5 5 4.5 9l4 4M5 9h9a5 5 0 0 1 0 10h-3"/>',
  redo: '<path d="M15.5 5l4 4-4 4M19 9h-9a5 5 0 0 0 0 10h3"/>',
  loop: '<path d="M16 4l3.5 3.5L16 11M19 7.5H9a5 5 0 0 0-5 5M8 20l-3.5-3.5L8 13M5 16.5h10a5 5 0 0 0 5-5"/>',
  previous: '<path d="M14.5 6 8.5 12l6 6"/>',
  next: '<path d="M9.5 6l6 6-6 6"/>',
  nearer: '<circle cx="10.5" cy="10.5" r="6"/><path d="M15 15l5 5M8 10.5h5M10.5 8v5"/>',
  farther: '<circle cx="10.5" cy="10.5" r="6"/><path d="M15 15l5 5M8 10.5h5"/>',
  rows: '<path d="M4 6.5h16M4 12h16M4 17.5h16"/>',
  columns: '<path d="M6.5 4v16M12 4v16M17.5 4v16"/>',
  ear: '<path d="M4 13a8 8 0 0 1 16 0M4 13v4.5a1.5 1.5 0 0 0 1.5 1.5H8v-6zM20 13v4.5a1.5 1.5 0 0 1-1.5 1.5H16v-6z"/>',
  sound: '<path d="M5 9.5v5h3.5L13 18.5v-13L8.5 9.5zM16 9a4.5 4.5 0 0 1 0 6m2.5-8.5a8 8 0 0 1 0 11"/>',
  real: '<path d="M9 18V6l10-2v12"/><circle cx="6.5" cy="18" r="2.5"/><circle cx="16.5" cy="16" r="2.5"/>',
  inside: '<path d="M4 18a8 8 0 0 1 16 0M12 18a4 4 0 0 1 8 0M4 20.5h0m8 0h0m8 0h0"/>',
  blind: '<path d="M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM4 20 20 4"/>',
};

/** An icon by its name. */
export function icon(name) {
  const holder = document.createElement("span");
  holder.className = "glyph";
  holder.setAttribute("aria-hidden", "true");
  holder.innerHTML = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${PATHS[name]}</svg>`;
  return holder;
}
