// Checks the page's modules without a browser: they parse, every import is exported, names are declared and used,
// and folders import downwards only. Prints one line a fault.
//
//     node --experimental-vm-modules check.mjs FOLDER

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { SourceTextModule, createContext } from "node:vm";

const ROOT = resolve(process.argv[2]);
const ENTRIES = ["studio.js", "site.js", "engine/worker.js"];
const MOST_LINES = 250;
const WIDEST = 130; // but for markup in text
// What each folder may import from; files at the top may import from all.
const FLOORS = {
  music: ["music"],
  engine: ["engine", "music"],
  midi: ["midi", "engine", "music"],
  sound: ["sound", "engine", "music"],
  io: ["io", "sound", "midi", "engine", "music"],
  view: ["view", "io", "sound", "music"],
};
const WORDS = new Set(
  ("as async await break case catch class const continue default delete do else export extends false finally for from " +
    "function get if import in instanceof let new null of return set static super switch this throw true try typeof " +
    "undefined var void while with yield arguments").split(" "),
);
const BROWSER = new Set(
  ("AudioBufferSourceNode AudioContext Blob CompressionStream CustomEvent DecompressionStream DynamicsCompressorNode " +
    "Element Event FileReader GainNode Map OfflineAudioContext OscillatorNode ResizeObserver Response Set " +
    "StereoPannerNode TextDecoder TextEncoder URL URLSearchParams WaveShaperNode atob btoa cancelAnimationFrame " +
    "clearInterval clearTimeout crypto document fetch getComputedStyle history innerHeight location matchMedia " +
    "navigator performance postMessage requestAnimationFrame sessionStorage localStorage setInterval setTimeout window scrollTo " +
    "queueMicrotask structuredClone Worker WebAssembly console").split(" "),
);

const isGlobal = (name) => BROWSER.has(name) || name in globalThis;

/** Identifiers of a source as [name, kind]; kind is "property" after a dot or before a colon in an object. */
function identifiers(source) {
  const found = [];
  let last = ""; // the last token that is no space
  const read = (text) => {
    const token =
      /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`|[\p{L}_$][\p{L}\p{N}_$]*|\d[\w.]*|\.\.\.|\?\.|=>|\s+|[^]/gu;
    for (let match = token.exec(text); match; match = token.exec(text)) {
      const [word] = match;
      if (/^(\s|\/\/|\/\*)/.test(word)) continue;
      if (word === "`") token.lastIndex = template(text, token.lastIndex);
      else if (word === "/" && (WORDS.has(last) || !/[\p{L}\p{N}_$)\]]/u.test(last.at(-1) ?? ""))) token.lastIndex = pattern(text, token.lastIndex);
      else if (/^[\p{L}_$]/u.test(word)) {
        const next = /^\s*(.)(.?)/.exec(text.slice(token.lastIndex)) ?? ["", "", ""];
        const key = next[1] === ":" && /^[{,]$/.test(last);
        found.push([word, last === "." || last === "?." || key ? "property" : "name", match.index]);
      }
      last = word;
    }
  };
  const template = (text, from) => {
    for (let at = from; at < text.length; at += 1) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === "`") return at + 1;
      else if (text.startsWith("${", at)) {
        let depth = 1;
        let end = at + 2;
        for (; depth; end += 1) {
          if (text[end] === "`") end = template(text, end + 1) - 1;
          else if (text[end] === "{") depth += 1;
          else if (text[end] === "}") depth -= 1;
        }
        read(text.slice(at + 2, end - 1));
        at = end - 1;
      }
    }
    return text.length;
  };
  const pattern = (text, from) => {
    let inClass = false;
    for (let at = from; at < text.length; at += 1) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === "[") inClass = true;
      else if (text[at] === "]") inClass = false;
      else if (text[at] === "/" && !inClass) return at + 1 + /^[a-z]*/.exec(text.slice(at + 1))[0].length;
    }
    return text.length;
  };
  read(source);
  return found;
}

/** Names that a source declares: imports, variables, functions, classes, parameters, methods. */
function declared(source) {
  const names = new Set();
  const add = (text) => {
    for (const [, name] of text.replaceAll(/[\p{L}_$][\w$]*\s*:/gu, "").matchAll(/([\p{L}_$][\w$]*)/gu)) names.add(name);
  };
  for (const [, list] of source.matchAll(/import\s*\{([^}]*)\}/g)) add(list.replaceAll(/\w+ as /g, ""));
  for (const [, list] of source.matchAll(/\b(?:const|let|var)\s+([{[][^;]*?[}\]](?=\s*=[^=>]|\s+of\b)|[\w$]+)\s*(?:=|of\b|in\b|;)/g)) add(list);
  for (const [, list] of source.matchAll(/\blet\s+([\w$,\s]+);/g)) add(list);
  for (const [, name] of source.matchAll(/\b(?:function|class)\s+([\w$]+)/g)) names.add(name);
  for (const [, name] of source.matchAll(/([\p{L}_$][\w$]*)\s*=>/gu)) names.add(name);
  for (const [, name] of source.matchAll(/catch\s*\((\w+)\)/g)) names.add(name);
  for (const [, name] of source.matchAll(/^\s+(?:async |get |set |static |\*)*([\w$]+)\s*\(/gm)) names.add(name); // methods
  // Parameters: what stands between a parenthesis and the body of a function.
  for (const match of source.matchAll(/\)\s*(?:=>|\{)/g)) {
    let depth = 0;
    let at = match.index;
    for (; at >= 0; at -= 1) {
      if (source[at] === ")") depth += 1;
      if (source[at] === "(") depth -= 1;
      if (!depth) break;
    }
    add(source.slice(at + 1, match.index));
  }
  return names;
}

const files = readdirSync(ROOT, { recursive: true }).filter((name) => name.endsWith(".js")).sort();
const faults = [];
const modules = new Map();
const context = createContext({});
const imports = new Map();
for (const name of files) {
  const source = readFileSync(join(ROOT, name), "utf8");
  const tell = (text) => faults.push(`${name}: ${text}`);
  if (source.split("\n").length > MOST_LINES + 1) tell(`longer than ${MOST_LINES} lines`);
  for (const [k, line] of source.split("\n").entries())
    if (line.length > WIDEST && !/<\w+ /.test(line)) tell(`line ${k + 1} is wider than ${WIDEST}`);
  try {
    modules.set(join(ROOT, name), new SourceTextModule(source, { context, identifier: join(ROOT, name) }));
  } catch (error) {
    tell(error.message);
    continue;
  }
  const used = identifiers(source);
  const count = new Map();
  for (const [word, kind] of used) if (kind === "name") count.set(word, (count.get(word) ?? 0) + 1);
  const known = declared(source);
  for (const word of count.keys())
    if (!known.has(word) && !WORDS.has(word) && !isGlobal(word)) tell(`${word} is not declared`);
  for (const [, list] of source.matchAll(/import\s*\{([^}]*)\}/g))
    for (const word of list.split(",").map((each) => each.trim().split(" as ").at(-1)))
      if (word && count.get(word) < 2) tell(`${word} is imported and not used`);
  for (const [, word] of source.matchAll(/^(?:const|let|function|class)\s+([\w$]+)/gm))
    if (count.get(word) < 2) tell(`${word} is declared and not used`);
  const own = dirname(name);
  for (const [, target] of source.matchAll(/from "([^"]+)"/g)) {
    const floor = dirname(relative(ROOT, resolve(ROOT, own, target)));
    if (own !== "." && !FLOORS[own]?.includes(floor)) tell(`may not import ${target}: ${own} stands below ${floor}`);
    const key = relative(ROOT, resolve(ROOT, own, target));
    const list = new RegExp(`import\\s*\\{([^}]*)\\}\\s*from "${target.replaceAll(".", "\\.")}"`).exec(source)?.[1] ?? "";
    const words = list.split(",").map((each) => each.trim().split(" as ")[0]).filter(Boolean);
    imports.set(key, new Set([...(imports.get(key) ?? []), ...words]));
  }
}
const reached = new Set();
const follow = async (target, { identifier }) => {
  const path = resolve(dirname(identifier), target);
  reached.add(path);
  if (!modules.has(path)) throw new Error(`${relative(ROOT, identifier)} imports ${target}, which is not there`);
  return modules.get(path);
};
for (const entry of ENTRIES) {
  reached.add(join(ROOT, entry));
  const module = modules.get(join(ROOT, entry));
  if (module?.status === "unlinked") await module.link(follow).catch((error) => faults.push(error.message));
}
for (const path of modules.keys()) if (!reached.has(path)) faults.push(`${relative(ROOT, path)}: nobody imports it`);
// The browser's tests import what they hold against Python.
const TESTS = join(import.meta.dirname, "..", "browser");
const tests = readdirSync(TESTS).filter((name) => name.endsWith(".py")).map((name) => readFileSync(join(TESTS, name), "utf8"));
const tested = (word) => tests.some((text) => new RegExp(`\\b${word}\\b`).test(text));
for (const name of files) {
  const source = readFileSync(join(ROOT, name), "utf8");
  for (const [, word] of source.matchAll(/^export (?:async )?(?:const|function|class)\s+([\w$]+)/gm))
    if (!ENTRIES.includes(name) && !imports.get(name)?.has(word) && !tested(word)) faults.push(`${name}: nobody imports ${word}`);
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length ? 1 : 0;
