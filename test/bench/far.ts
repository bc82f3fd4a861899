/** A provider that says yes at once and never pushes: what is left is the time of whoever asks. Argument: the port. */
let calls = 0;
Bun.serve({
  port: Number(process.argv[2]),
  hostname: "127.0.0.1",
  fetch: () => Response.json({ code: "ok", callId: `far-${++calls}` }),
});
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
