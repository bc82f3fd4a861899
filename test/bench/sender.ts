/** Bare node:http over kept connections, as fast as answers come. Arguments: port, how many, connections, body. */
import { Agent, request } from "node:http";

const [port = "0", many = "0", connections = "1", body = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const headers = { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
let left = Number(many);

const post = (): Promise<void> =>
  new Promise((done, failed) => {
    const sent = request({ agent, host: "127.0.0.1", port, path: "/endpoint/1", method: "POST", headers }, (answer) => {
      answer.resume();
      answer.on("end", done);
    });
    sent.on("error", failed);
    sent.end(body);
  });

await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (left-- > 0) await post();
  }),
);
process.exit(0);
