import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Told } from "./ask-by-name.ts";
import { certificate, certificateKey } from "./certificate.ts";

const folder = mkdtempSync(join(tmpdir(), "hualu-certificates-"));
const trusted = join(folder, "ca.pem");
const asker = fileURLToPath(new URL("./ask-by-name.ts", import.meta.url));
let far: Server;
let connections = 0;
beforeAll(async () => {
  writeFileSync(trusted, certificate);
  far = createServer({ cert: certificate, key: certificateKey }, (request, response) => {
    response.end(request.headers.host);
  });
  far.on("secureConnection", () => {
    connections += 1;
  });
  await new Promise<void>((done) => far.listen(0, "127.0.0.1", done));
});
afterAll(() => {
  far.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(names: readonly string[], env: Record<string, string>): Promise<Told> {
  const { port } = far.address() as AddressInfo;
  const child = Bun.spawn([process.execPath, asker, String(port), ...names], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await new Response(child.stdout).text());
}

test("an address is asked by the name that it was found by: only where its certificate is that name's", async () => {
  const before = connections;
  const told = await ask(["hooks.example", "hooks.example", "other.example", "hooks.example.", "127.0.0.1"], {
    NODE_EXTRA_CA_CERTS: trusted,
  });
  const { port } = far.address() as AddressInfo;
  const wrong = "tls ERR_TLS_CERT_ALTNAME_INVALID";
  expect(told).toEqual([`hooks.example:${port}`, `hooks.example:${port}`, wrong, `hooks.example.:${port}`, wrong]);
  // The first one's connection was kept, and not lent to another name.
  expect(connections - before).toBeLessThanOrEqual(4);
});

test("a proxy that the environment names is not asked", async () => {
  const before = connections;
  const proxies = Object.fromEntries(
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].map((name) => [name, "http://127.0.0.1:1"]),
  );
  const [told] = await ask(["hooks.example"], { ...proxies, NODE_EXTRA_CA_CERTS: trusted });
  expect([told, connections - before]).toEqual([`hooks.example:${(far.address() as AddressInfo).port}`, 1]);
});

test("a certificate that nobody vouches for is no proof", async () => {
  expect(await ask(["hooks.example"], {})).toEqual(["tls DEPTH_ZERO_SELF_SIGNED_CERT"]);
});
