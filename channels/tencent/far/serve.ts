/** The socket: reads requests, lets faults happen to them, and has the right operation answer. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Signed } from "./door.ts";
import type { Result } from "./operations.ts";
import { silence } from "./recording.ts";

/** What becomes of one request to an action. */
export type Fault = "garbage" | "lost" | "unavailable" | { code: string } | { slowMs: number };

export interface Serving {
  refuse: (signed: Signed) => string | null;
  run: (action: string, body: unknown) => Promise<Result>;
  /** The next one's fault, by action. */
  nextFault: (action: string) => Fault | undefined;
  /** False where it is one too many for this second. */
  isWithinLimit: (action: string) => boolean;
  later: (ms: number, act: () => void) => void;
  count: (name: string) => void;
  newId: () => string;
  now: () => number;
}

type Answer = Result | { status: number } | { sound: Uint8Array };
const bodyBytesMax = 64 * 1024;
const version = "2020-02-10";

export async function serve(serving: Serving, port: number, host: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    read(request)
      .then(async (body) =>
        write(response, body === null ? { status: 413 } : await answer(serving, request, body), serving),
      )
      // A connection that breaks off is nobody's error here: the far side just goes on.
      .catch(() => response.socket?.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  return { server, url: `http://${host}:${taken}` };
}

async function answer(serving: Serving, request: IncomingMessage, body: Buffer): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://far.side");
  if (request.method === "GET" && pathname.startsWith("/recording/")) {
    return Number(searchParams.get("t")) > serving.now() ? { sound: silence() } : { status: 403 };
  }
  if (request.method !== "POST" || pathname !== "/") return { status: 404 };
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const action = headers["x-tc-action"] ?? "";
  serving.count(action);
  const fault = serving.nextFault(action);
  if (typeof fault === "object" && "code" in fault) return fault;
  if (typeof fault === "object") await new Promise<void>((resolve) => serving.later(fault.slowMs, resolve));
  else if (fault !== undefined) return faulty[fault];
  if (headers["x-tc-version"] !== version) return { code: "NoSuchVersion" };
  const refused = serving.refuse({ headers, body });
  if (refused !== null) {
    serving.count("unauthorized");
    return { code: refused };
  }
  return serving.isWithinLimit(action) ? serving.run(action, parse(body)) : { code: "RequestLimitExceeded" };
}

const faulty: Record<Extract<Fault, string>, Answer> = {
  garbage: { text: "<html>busy</html>" },
  lost: { cut: "lost" },
  unavailable: { status: 502 },
};

/** Errors, too, come with status 200. */
function write(response: ServerResponse, result: Answer, { newId }: Serving): void {
  if ("cut" in result) {
    if (result.cut === "lost") response.socket?.destroy();
  } else if ("sound" in result) response.writeHead(200, { "content-type": "audio/wav" }).end(result.sound);
  else if ("status" in result) response.writeHead(result.status).end();
  else if ("text" in result) response.writeHead(200, { "content-type": "text/html" }).end(result.text);
  else {
    const RequestId = newId();
    const content = "code" in result ? { Error: { Code: result.code, Message: "see the code" } } : result.content;
    const body = JSON.stringify({ Response: { ...content, RequestId } });
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  }
}

/** null for what is no JSON: no action takes that. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}

/** null where the body is too large. */
async function read(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
