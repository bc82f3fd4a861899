/**
 * One request to an address that was checked, by Bun's own client: it connects to the address itself, and the name goes
 * into the Host header, the server name and the check of the certificate. Connections are kept per certificate name.
 */
import { GuardError } from "./error.ts";
import type { Target } from "./url.ts";

export interface Outgoing {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** From the first look-up to the last byte of the answer. */
  deadlineMs: number;
  /** What is longer is cut there, and the connection given up. */
  answerBytesMax: number;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
}

/**
 * Tries the addresses in turn as long as nobody could be connected to. A connection that ends before any answer was
 * most likely kept for too long: the request goes once more over a new one, so that it may arrive twice.
 */
export async function exchange(
  target: Target,
  addresses: readonly string[],
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<Answer> {
  let response: Response | null = null;
  let again = true;
  for (const [index, address] of ipv4First(addresses).entries()) {
    try {
      response = await ask(target, address, outgoing, signal).catch((error) => {
        if (!again || !isReset(error)) throw error;
        again = false;
        return ask(target, address, outgoing, signal);
      });
      break;
    } catch (error) {
      if (index === addresses.length - 1 || !isUnreachable(error)) throw error;
    }
  }
  if (response === null) throw new GuardError("unreachable");
  return {
    status: response.status,
    headers: response.headers,
    body: await readUpTo(response, outgoing.answerBytesMax),
  };
}

/** Where both are given, one that leads nowhere is more often the newer one. */
function ipv4First(addresses: readonly string[]): string[] {
  return addresses.toSorted((one, other) => Number(one.includes(":")) - Number(other.includes(":")));
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");
const isReset = (error: unknown): boolean => codeOf(error) === "ECONNRESET";
const isUnreachable = (error: unknown): boolean =>
  ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"].includes(codeOf(error));

function ask(target: Target, address: string, { method, headers, body }: Outgoing, signal: AbortSignal) {
  const { https, host, port, path, literal } = target;
  const named = host.includes(":") ? `[${host}]` : host;
  const usualPort = port === (https ? 443 : 80);
  return fetch(`${https ? "https" : "http"}://${address.includes(":") ? `[${address}]` : address}:${port}${path}`, {
    method,
    headers: { "accept-encoding": "identity", ...headers, host: usualPort ? named : `${named}:${port}` },
    body,
    redirect: "manual",
    decompress: false,
    signal,
    ...(https && !literal && { tls: { serverName: host.replace(/\.$/, "") } }),
  });
}

async function readUpTo(response: Response, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early gives the connection up.
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk.subarray(0, bytesMax - size));
    size += chunk.length;
    if (size >= bytesMax) break;
  }
  return Buffer.concat(chunks);
}
