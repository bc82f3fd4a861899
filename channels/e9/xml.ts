/** The one XML form that this provider pushes: `<req>` with a list of plain elements. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";

/** A push has less than 1 KiB; a parser's time and stack grow with what it is given. */
export const xmlBytesMax = 16 * 1024;

/**
 * The elements by name, or null where the text is of any other form. No entity but XML's own five is known, and no
 * declaration is followed, so nothing expands and nothing is fetched.
 */
export function readRequest(body: Uint8Array): Map<string, string> | null {
  if (body.byteLength > xmlBytesMax) return null;
  let root: XmlElement | null;
  try {
    root = parseXml(new TextDecoder("utf-8", { fatal: true }).decode(body)).root;
  } catch {
    // The parser's message repeats the text, and the text holds numbers.
    return null;
  }
  if (root === null || root.name !== "req") return null;
  const fields = new Map<string, string>();
  for (const child of root.children) {
    if (!(child instanceof XmlElement)) continue;
    // Said twice is not said.
    if (fields.has(child.name)) return null;
    fields.set(child.name, child.text.trim());
  }
  return fields;
}
