/** A load of HTTP/1.1 requests over keep-alive connections: raw sockets, so that the client costs little. */

export interface Load {
  port: number;
  connections: number;
  /** Whole requests as they go over the wire, taken in turn. */
  requests: readonly Uint8Array[];
  /** Stops after so many answers, or so many milliseconds. */
  answersMax?: number;
  forMs: number;
  expect?: number;
}

export interface LoadResult {
  answers: number;
  unexpected: number;
  seconds: number;
  perSecond: number;
  /** Milliseconds from the last byte out to the first byte in. */
  p50: number;
  p99: number;
}

const end = new TextEncoder().encode("\r\n\r\n");

/** Sends as fast as answers come back, one request under way per connection. */
export async function run(load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  let answers = 0;
  let unexpected = 0;
  let next = 0;
  const expected = `HTTP/1.1 ${load.expect ?? 200}`;
  const started = performance.now();
  const stopAt = started + load.forMs;
  await Promise.all(
    Array.from(
      { length: load.connections },
      () =>
        new Promise<void>((done, failed) => {
          let sentAt = 0;
          let buffered: Buffer = Buffer.alloc(0);
          const send = (socket: { write(data: Uint8Array): number; end(): void }): void => {
            if (performance.now() >= stopAt || answers >= (load.answersMax ?? Number.POSITIVE_INFINITY)) {
              socket.end();
              done();
              return;
            }
            sentAt = performance.now();
            const request = load.requests[next++ % load.requests.length];
            if (request !== undefined) socket.write(request);
          };
          Bun.connect({
            hostname: "127.0.0.1",
            port: load.port,
            socket: {
              open: send,
              data(socket, chunk) {
                buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
                const length = answerLength(buffered);
                if (length === null || buffered.length < length) return;
                if (!buffered.subarray(0, expected.length).equals(Buffer.from(expected))) unexpected += 1;
                buffered = buffered.subarray(length);
                latencies.push(performance.now() - sentAt);
                answers += 1;
                send(socket);
              },
              error: (_socket, error) => failed(error),
              close: () => done(),
            },
          }).catch(failed);
        }),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((one, other) => one - other);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { answers, unexpected, seconds, perSecond: answers / seconds, p50: at(0.5), p99: at(0.99) };
}

/** How many bytes an answer has; null while its head is not complete. */
function answerLength(buffered: Buffer): number | null {
  const head = buffered.indexOf(end);
  if (head === -1) return null;
  const length = /content-length: (\d+)/i.exec(buffered.subarray(0, head).toString("latin1"));
  return head + 4 + Number(length?.[1] ?? 0);
}

export function request(
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | Uint8Array = "",
): Uint8Array {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ host: "localhost", "content-length": String(bytes.length), ...headers });
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}
