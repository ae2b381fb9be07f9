// What the page's code knows of the browser, and the DOM's types do not say.

interface Window {
  musictx: any; // for tests and measurements
}
interface Navigator {
  audioSession: { type: string }; // Safari's
}
interface EventTarget {
  closest?: any; // of an event in the page: it is an element
}
interface Element {
  content?: any; // of <meta>
  dataset: DOMStringMap; // of all elements that are looked for
}
