/** Answers and pushes in whatever format, read as one kind of tree, in which a path finds a place. Pure. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";

export type Format = "json" | "form" | "xml" | "text";
export type Node = string | number | boolean | null | undefined | Node[] | { [name: string]: Node };

/** A parser's time and stack grow with what it is given. */
const xmlBytesMax = 64 * 1024;
/** Or it could not be told from its neighbours by a double. */
const longNumber = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** Undefined where the bytes are not of this format. */
export function parseDocument(format: Format, body: Uint8Array): Node {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    if (format === "json") return JSON.parse(quoteLongNumbers(text));
    if (format === "form") return Object.fromEntries(new URLSearchParams(text));
    if (format === "text") return text.trim();
    return body.byteLength > xmlBytesMax ? undefined : readXml(text);
  } catch {
    // The parsers' messages repeat the text, and the text holds numbers.
    return undefined;
  }
}

/** Ids of 19 digits, sent as numbers, would lose their last ones. */
function quoteLongNumbers(text: string): string {
  return text.replace(longNumber, (found) => (found.startsWith('"') ? found : `"${found}"`));
}

/** No entity but XML's own five is known, and no declaration is followed, so nothing expands and nothing is fetched. */
function readXml(text: string): Node {
  const { root } = parseXml(text);
  return root === null ? undefined : { [root.name]: readElement(root) };
}

/** Text alone; or its elements by name (those of one name as a list), attributes as `@name`, the text as `#text`. */
function readElement(element: XmlElement): Node {
  const children = element.children.filter((child) => child instanceof XmlElement);
  const attributes = Object.entries(element.attributes).map(([name, value]) => [`@${name}`, value] as const);
  if (children.length === 0 && attributes.length === 0) return element.text.trim();
  const found = new Map<string, Node[]>();
  for (const child of children) found.set(child.name, [...(found.get(child.name) ?? []), readElement(child)]);
  const fields = [...found].map(([name, values]) => [name, values.length === 1 ? values[0] : values] as const);
  const text = children.length === 0 ? [["#text", element.text.trim()] as const] : [];
  return Object.fromEntries([...attributes, ...text, ...fields]);
}

/** `/data/id`, `/list/0/id`, `/response/call/@id`, `/field`; an empty path is the whole. */
export function nodeAt(node: Node, path: string): Node {
  let found = node;
  for (const step of path.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = Array.isArray(found) ? found[Number(name)] : found[name];
  }
  return found;
}

/** null where nothing stands there, or something that is no plain value. */
export function textAt(node: Node, path: string | undefined): string | null {
  const found = path === undefined ? undefined : nodeAt(node, path);
  if (typeof found === "object" || found === undefined) return null;
  const text = String(found).trim();
  return text === "" ? null : text;
}

/** What stands at a path as one message or a list of them. */
export function listAt(node: Node, path: string): Node[] {
  const found = nodeAt(node, path);
  if (found === undefined || found === null) return [];
  return Array.isArray(found) ? found : [found];
}
