/** The platform's pushes: XML or JSON by their first character, names in any case, every value a string. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";

/** A push has less than 4 KiB; a parser's time and stack grow with what it is given. */
export const pushBytesMax = 16 * 1024;
const depthMax = 6;

/** By name in lower case. */
export type Fields = ReadonlyMap<string, string>;
type Tree = Map<string, string | Tree>;

/** One list of fields; or those of the call with those of its two legs, either of which may be missing. */
export interface Push {
  call: Fields;
  legs: { caller: Fields; called: Fields } | null;
}

/** null where the body is of no such form. */
export function readPush(body: Uint8Array): Push | null {
  const tree = readTree(body);
  const call = tree && findCall(tree);
  if (!call) return null;
  const [caller, called] = [call.get("callercdr"), call.get("calledcdr")];
  if (!(caller instanceof Map) && !(called instanceof Map)) return { call: fieldsOf(call), legs: null };
  return { call: fieldsOf(call), legs: { caller: fieldsOf(caller), called: fieldsOf(called) } };
}

/** What names a call, wherever it stands: the root's name of a record of both legs is not documented. */
function findCall(tree: Tree): Tree | null {
  const isCall = ["callercdr", "calledcdr"].some((name) => tree.get(name) instanceof Map);
  if (isCall || typeof tree.get("callsid") === "string" || typeof tree.get("userdata") === "string") return tree;
  for (const inner of tree.values()) {
    const found = inner instanceof Map ? findCall(inner) : null;
    if (found) return found;
  }
  return null;
}

function fieldsOf(tree: string | Tree | undefined): Fields {
  const fields = tree instanceof Map ? [...tree] : [];
  return new Map(fields.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])));
}

function readTree(body: Uint8Array): Tree | null {
  if (body.byteLength > pushBytesMax) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body).trim();
    if (text.startsWith("<")) return treeOfXml(text);
    return text.startsWith("{") ? treeOfJson(JSON.parse(text), depthMax) : null;
  } catch {
    // The parsers' messages repeat the text, and the text holds numbers.
    return null;
  }
}

/** No entity but XML's own five is known and no declaration is followed: nothing expands and nothing is fetched. */
function treeOfXml(text: string): Tree | null {
  const { root } = parseXml(text);
  const tree = root && treeOfElement(root, depthMax);
  return tree instanceof Map ? tree : null;
}

function treeOfElement(element: XmlElement, depth: number): string | Tree {
  const children = element.children.filter((child) => child instanceof XmlElement);
  if (children.length === 0) return element.text.trim();
  const tree: Tree = new Map();
  for (const child of children) add(tree, child.name, treeOfElement(child, deeper(depth)));
  return tree;
}

function treeOfJson(value: unknown, depth: number): Tree | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const tree: Tree = new Map();
  for (const [name, inner] of Object.entries(value)) {
    const isPlain = typeof inner === "string" || typeof inner === "number";
    const read = isPlain ? String(inner).trim() : treeOfJson(inner, deeper(depth));
    if (read !== null) add(tree, name, read);
  }
  return tree;
}

function add(tree: Tree, name: string, value: string | Tree): void {
  const lower = name.toLowerCase();
  // Said twice is not said.
  if (tree.has(lower)) throw new Error("a name stands twice");
  tree.set(lower, value);
}

function deeper(depth: number): number {
  if (depth <= 0) throw new Error("too deep");
  return depth - 1;
}
