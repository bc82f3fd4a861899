/** The one door for bytes going out: a deadline, a bounded answer, no redirect, no second try. */
import { ChannelError, type ChannelTools } from "../contract.ts";

export const deadlineMsDefault = 5_000;
export const answerBytesMax = 1024 * 1024;

export interface Outgoing {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  /** Until the last byte of the answer (`send`) or its headers (`open`). */
  deadlineMs?: number;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Uint8Array;
  text(): string;
}

export interface OpenAnswer {
  status: number;
  headers: Headers;
  /** Unbounded: whoever reads it sets the limit, and ends it by `cancel` or by the signal given to `open`. */
  body: ReadableStream<Uint8Array>;
}

type Fetch = ChannelTools["fetch"];

/** Sends once and reads the whole answer. Any HTTP status is an answer; everything else is a `ChannelError`. */
export async function send(fetch: Fetch, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
  const fuse = light(signal, outgoing.deadlineMs ?? deadlineMsDefault);
  try {
    const response = await begin(fetch, outgoing, fuse.signal);
    const body = await readAll(response, fuse.signal);
    return { status: response.status, headers: response.headers, body, text: () => new TextDecoder().decode(body) };
  } finally {
    fuse.stop();
  }
}

/** Sends once and hands the body over as it comes, for recordings. The deadline ends with the headers. */
export async function open(fetch: Fetch, outgoing: Outgoing, signal: AbortSignal): Promise<OpenAnswer> {
  const fuse = light(signal, outgoing.deadlineMs ?? deadlineMsDefault);
  try {
    const response = await begin(fetch, outgoing, fuse.signal);
    fuse.stopDeadline();
    return { status: response.status, headers: response.headers, body: passOn(response, fuse) };
  } catch (error) {
    fuse.stop();
    throw error;
  }
}

interface Fuse {
  signal: AbortSignal;
  stopDeadline(): void;
  stop(): void;
}

/** By hand rather than with `AbortSignal.any`, so that a long-lived signal keeps no listener of a finished request. */
function light(outer: AbortSignal, deadlineMs: number): Fuse {
  const controller = new AbortController();
  const abort = () => controller.abort();
  // A signal that has already fired proves that nothing left.
  if (outer.aborted) throw new ChannelError({ kind: "timeout", effect: "none", cause: "network", code: "aborted" });
  outer.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(abort, deadlineMs);
  const stopDeadline = () => clearTimeout(timer);
  return {
    signal: controller.signal,
    stopDeadline,
    stop() {
      stopDeadline();
      outer.removeEventListener("abort", abort);
    },
  };
}

async function begin(fetch: Fetch, outgoing: Outgoing, signal: AbortSignal): Promise<Response> {
  let request: Request;
  try {
    const { method, url, headers = {}, body } = outgoing;
    request = new Request(url, { method, headers, redirect: "manual", signal, ...(body !== undefined && { body }) });
  } catch {
    // The original names the offending header or address, which may hold a secret.
    throw new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code: "unsendable" });
  }
  try {
    return await fetch(request);
  } catch (error) {
    throw explain(error, signal, "connecting");
  }
}

async function readAll(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > answerBytesMax) {
        throw new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code: "too-large" });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw explain(error, signal, "reading");
  }
  return Buffer.concat(chunks, size);
}

/** The answer's stream with this file's errors in place of the runtime's. */
function passOn(response: Response, fuse: Fuse): ReadableStream<Uint8Array> {
  const reader = response.body?.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await reader?.read();
        if (next === undefined || next.done) {
          fuse.stop();
          controller.close();
        } else {
          controller.enqueue(next.value);
        }
      } catch (error) {
        fuse.stop();
        controller.error(explain(error, fuse.signal, "reading"));
      }
    },
    async cancel() {
      fuse.stop();
      await reader?.cancel().catch(() => undefined);
    },
  });
}

/** Measured on Bun 1.4.5: only these two codes are given solely where no connection came about. */
const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND"]);
/** Also as measured: what Bun says of an answer that is not HTTP, or not what its headers promise. */
const notHttp = new Set(["Malformed_HTTP_Response", "InvalidHTTPResponse", "ZlibError", "BrotliDecompressionError"]);

function explain(error: unknown, signal: AbortSignal, stage: "connecting" | "reading"): ChannelError {
  if (error instanceof ChannelError) return error;
  if (signal.aborted) return new ChannelError({ kind: "timeout", effect: "unknown", cause: "network" });
  const code = codeOf(error);
  if (stage === "connecting" && code !== null && neverConnected.has(code)) {
    return new ChannelError({ kind: "unreachable", effect: "none", cause: "network", code });
  }
  if (code !== null && notHttp.has(code)) {
    return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
  }
  return new ChannelError({ kind: "unreachable", effect: "unknown", cause: "network", code });
}

/** Letters and underscores only: a code, never a sentence with an address in it. */
function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  return /^[A-Za-z_]{1,64}$/.test(error.code) ? error.code : null;
}
