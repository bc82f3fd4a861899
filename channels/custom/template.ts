/**
 * Text with places for values: `{name}`, and `{name?yes:no}` for one of two words. `{{` and `}}` are braces. There is
 * nothing else: no code, no nesting, so that a template from outside can do no more than be filled in.
 */

export type Value = string | number | boolean | null;
/** Undefined for a name that nobody knows. */
export type ValueOf = (name: string) => Value | undefined;

interface Place {
  name: string;
  choice: readonly [yes: string, no: string] | null;
}
type Part = string | Place;
export type Template = readonly Part[];

const placeForm = /^([^?{}]{1,128})(?:\?([^:{}]{0,128}):([^{}]{0,128}))?$/;
const token = /\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+/g;

/** null where a brace stands alone, or a place has no such form. */
export function parseTemplate(text: string): Template | null {
  const parts: Part[] = [];
  for (const [found] of text.matchAll(token)) {
    if (found === "{{" || found === "}}") parts.push(found.charAt(0));
    else if (!/^[{}]/.test(found)) parts.push(found);
    else {
      const [, name, yes, no = ""] = placeForm.exec(found.slice(1, -1)) ?? [];
      if (name === undefined || !found.endsWith("}") || found.length < 3) return null;
      parts.push({ name, choice: yes === undefined ? null : [yes, no] });
    }
  }
  return parts;
}

export function namesIn(text: string): string[] {
  return (parseTemplate(text) ?? []).flatMap((part) => (typeof part === "string" ? [] : part.name));
}

/** What is not there is written as nothing. */
export function fill(text: string, valueFor: ValueOf, quote: (text: string) => string = String): string {
  const written = (part: Part): string => {
    if (typeof part === "string") return part;
    const value = valueFor(part.name) ?? null;
    if (part.choice !== null) return part.choice[value ? 0 : 1];
    return value === null ? "" : quote(String(value));
  };
  return (parseTemplate(text) ?? []).map(written).join("");
}

/**
 * One field of a request. A template that is one place and nothing else keeps its value's type; null, which leaves the
 * field out, where a value that it names is not there.
 */
export function fillField(text: string, valueFor: ValueOf): Value {
  const template = parseTemplate(text) ?? [];
  const places = template.filter((part) => typeof part !== "string" && part.choice === null) as Place[];
  if (places.some(({ name }) => (valueFor(name) ?? null) === null)) return null;
  const [first] = places;
  if (template.length === 1 && first !== undefined) return valueFor(first.name) ?? null;
  return fill(text, valueFor);
}

/** Every name in every text of a JSON value. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The texts of a JSON value filled in; whatever else it holds stays as it is. */
export function fillJson(value: unknown, valueFor: ValueOf): unknown {
  const absent = (one: unknown): boolean => typeof one === "string" && fillField(one, valueFor) === null;
  if (typeof value === "string") return fillField(value, valueFor);
  if (Array.isArray(value)) return value.filter((one) => !absent(one)).map((one) => fillJson(one, valueFor));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, one]) => !absent(one));
  return Object.fromEntries(kept.map(([name, one]) => [name, fillJson(one, valueFor)]));
}

/** Quotes too, so that a value may stand in an attribute; what XML cannot hold at all is left out. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&apos;");
}
