import type { Readable } from "node:stream";
import { ChannelError } from "../../channels/errors.ts";
import { GuardError } from "./error.ts";
import type { Guard } from "./guard.ts";

/** What a client says of itself; nothing here unpacks what is sent packed. */
const usual = { accept: "*/*", "accept-encoding": "identity", "user-agent": "hualu" };

/** The guard as channels use it. What was never sent had no effect; the rest is for their own door to explain. */
export function guardedFetch(guard: Guard): (request: Request) => Promise<Response> {
  return async (request) => {
    const { method, url, headers, signal } = request;
    const body = request.body === null ? "" : await request.bytes();
    try {
      const sent = { ...usual, ...Object.fromEntries(headers) };
      const answer = await guard.open({ method, url, headers: sent, body }, signal);
      const told = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
      // Read to its end, the connection can be used again.
      if (!hasBody(answer.status)) answer.body.resume();
      return new Response(hasBody(answer.status) ? streamOf(answer.body) : null, {
        status: answer.status,
        headers: told,
      });
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      const { kind, code } = error;
      if (kind === "refused") {
        const unknown = code === "unknown_name";
        throw new ChannelError({ kind: unknown ? "unreachable" : kind, effect: "none", cause: "address", code });
      }
      if (kind === "unresolved")
        throw new ChannelError({ kind: "unreachable", effect: "none", cause: "network", code });
      throw error;
    }
  };
}

/** A response of these may not be given one. */
const hasBody = (status: number): boolean => ![101, 204, 205, 304].includes(status);

/** Through node's reader of streams, which breaks the connection off where nobody reads on. */
function streamOf(body: Readable): ReadableStream<Uint8Array> {
  const chunks = body.iterator({ destroyOnReturn: true });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      body.destroy();
    },
  });
}
