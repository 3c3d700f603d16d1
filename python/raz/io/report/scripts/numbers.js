"use strict";

// Numbers as people read them, and elements of the page. Text is set as text, never as HTML.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** Persons, rounded to what can be meant: tenths below 20. */
function persons(value) {
  if (value === null || Number.isNaN(value)) return "unknown";
  return value < 20 ? TENTHS.format(value) : WHOLE.format(value);
}

/** An interval, rounded outwards. */
function range(low, high) {
  if (low === null || high === null || Number.isNaN(low + high)) return "unknown";
  if (high < 20) {
    return `${TENTHS.format(Math.floor(low * 10) / 10)} to ${TENTHS.format(Math.ceil(high * 10) / 10)}`;
  }
  return `${WHOLE.format(Math.floor(low))} to ${WHOLE.format(Math.ceil(high))}`;
}

/** A number to three digits. */
function digits(value) {
  return Number.isFinite(value) ? DIGITS.format(value) : "unknown";
}

/** A tenth, for tables and sums. */
function tenths(value) {
  return value === null || Number.isNaN(value) ? "unknown" : TENTHS.format(value);
}

/** "1 head", "2 heads". */
function plural(number, one, many) {
  return `${WHOLE.format(number)} ${number === 1 ? one : many}`;
}

function percent(level) {
  return `${WHOLE.format(level * 100)} %`;
}

/** Seconds as minutes and seconds: 1:02.5. */
function clock(seconds) {
  const tenth = Math.round(seconds * 10);
  const minutes = Math.floor(tenth / 600);
  return `${minutes}:${((tenth % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** The last part of a path. */
function baseName(path) {
  return path.split(/[\\/]/).pop() || path;
}

function byId(id) {
  return document.getElementById(id);
}

function setText(id, text) {
  byId(id).textContent = text;
}

/** Make an element; children are elements or text. */
function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function makeSvg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A row of a description list. */
function term(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}
