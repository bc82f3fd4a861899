/** A far side's socket: reads requests of a bounded size and writes what is answered to them. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { type Answer, page, write } from "./answer.ts";

export interface Asked {
  method: string;
  /** Path and query as they were sent, byte for byte. */
  target: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Handler = (asked: Asked) => Answer | Promise<Answer>;

const bodyBytesMax = 64 * 1024;

/** Listens at once, and answers from `serve` on. */
export async function openSocket({ port = 0, host = "127.0.0.1" }: { port?: number; host?: string }) {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  let stopping: Promise<void> | null = null;
  return {
    url: `http://${host}:${taken}`,
    serve(answer: Handler): void {
      server.on("request", (request, response) => {
        read(request)
          .then(async (asked) => write(response, asked === null ? page(413, "too large") : await answer(asked)))
          // A connection that breaks off is nobody's error here: the far side just goes on.
          .catch(() => response.socket?.destroy());
      });
    },
    stop(): Promise<void> {
      stopping ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return stopping;
    },
  };
}

/** null where the body is too large. */
async function read(request: IncomingMessage): Promise<Asked | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  const { method = "", url: target = "/", headers } = request;
  return { method, target, url: new URL(target, "http://far.side"), headers, body: Buffer.concat(chunks) };
}
