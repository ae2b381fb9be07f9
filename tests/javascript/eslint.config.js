import js from "@eslint/js";
import globals from "globals";

// What each folder of the page may import from; files at the top may import from all.
const FLOORS = {
  music: [],
  engine: ["music"],
  midi: ["engine", "music"],
  sound: ["engine", "music"],
  io: ["sound", "midi", "engine", "music"],
  view: ["io", "sound", "engine", "music"],
};
const FOLDERS = Object.keys(FLOORS);

const floors = Object.entries(FLOORS).map(([folder, below]) => ({
  files: [`**/static/${folder}/*.js`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: FOLDERS.filter((other) => other !== folder && !below.includes(other))
          .map((other) => ({ group: [`../${other}/*`], message: `${folder} stands below ${other}` }))
          .concat([{ group: ["../*.js"], message: `${folder} stands below the page` }]),
      },
    ],
  },
}));

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: { ...globals.browser, ...globals.worker } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-unused-vars": ["error", { args: "after-used", ignoreRestSiblings: true }],
      "max-lines": ["error", { max: 250, skipBlankLines: true }],
      "max-len": ["error", { code: 130, ignorePattern: "<\\w+ " }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  ...floors,
];
