import { startBareServer } from "./bare.ts";
import { tell } from "./figures.ts";
import { run as load } from "./load.ts";
import type { Bench } from "./main.ts";
import { pgbench } from "./postgres.ts";
import { pushRequest, startBenchService } from "./service.ts";

const connections = 64;
const warmMs = 2_000;
const measureMs = 6_000;
const distinct = 4_000;

/** Provider webhooks accepted a second, each sealed and durable before its answer, against pgbench and no database. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const service = await startBenchService(url);
  const message = (n: number) => ({
    type: "event",
    callId: `foreign-${n}`,
    callRef: `call_foreign_${n}`,
    attempt: 1,
    event: "ringing",
    leg: "a",
    time: new Date().toISOString(),
    code: null,
  });
  const requests = Array.from({ length: distinct }, (_, n) => pushRequest(service.webhook, message(n)));
  await load({ port: service.port, connections, requests, forMs: warmMs });
  const ours = await load({ port: service.port, connections, requests, forMs: measureMs });
  await service.stop();
  const bare = await startBareServer(service.webhook);
  await load({ port: bare.port, connections, requests, forMs: warmMs });
  const without = await load({ port: bare.port, connections, requests, forMs: measureMs });
  await bare.stop();
  const plain = await pgbench(url, insertScript, measureMs / 1000);
  const bad = ours.unexpected + without.unexpected;
  if (bad > 0) throw new Error(`${bad} answers were not 200`);
  const told = [
    tell({
      bench: "ingest",
      figure: ours.perSecond,
      unit: "req/s",
      peer: "pgbench",
      peerFigure: plain ?? Number.NaN,
      goal: 1.6,
    }),
    tell({
      bench: "ingest",
      figure: ours.perSecond,
      unit: "req/s",
      peer: "same server without a database",
      peerFigure: without.perSecond,
      goal: 0.6,
    }),
    tell({ bench: "ingest", figure: ours.p99, unit: "ms p99", peer: "limit", peerFigure: 50, goal: 1, atMost: true }),
  ];
  return told.every(Boolean);
};

/** The same rows, plain, one by one, as a C client writes them. */
const insertScript = `insert into deliveries (day, tenant, account_id, channel, kind, source, received, size, sealed)
values (current_date, 'default', 'acc_peer', 'fake', 'event', 'push', now(), 1024, '${"p".repeat(1024)}');\n`;
