// A ZIP file of other files, as they are (APPNOTE.TXT of PKWARE, method 0).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const UTF8 = 0x800; // the flag for names in UTF-8
const VERSION = 20;
const DATE = 0x21; // 1 January 1980: the same music makes the same file

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

const short = (value) => [value, 2];
const long = (value) => [value, 4];

/** Numbers one after the other, each in two or four bytes: [[value, size], …]. */
function record(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** Pack files, {name, bytes} each, into a Blob. */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const label = new TextEncoder().encode(name);
    const sizes = [long(checksum(bytes)), long(bytes.length), long(bytes.length), short(label.length), short(0)];
    const common = [short(VERSION), short(UTF8), short(0), short(0), short(DATE), ...sizes];
    const head = record([long(0x04034b50), ...common]);
    const place = [short(0), short(0), short(0), long(0), long(offset)];
    directory.push(record([long(0x02014b50), short(VERSION), ...common, ...place]), label);
    parts.push(head, label, bytes);
    offset += head.length + label.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const counts = [short(0), short(0), short(files.length), short(files.length), long(size), long(offset), short(0)];
  const end = record([long(0x06054b50), ...counts]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
