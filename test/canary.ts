/** What must not leak: looked for in everything that a test made Hualu write. */

/** Mainland mobiles and landlines, in any of their forms; not inside longer digit runs or fractions. */
const numberLike = /(?<![0-9A-Za-z+/=_-]|\d\.)(?:\+?86)?(?:1[3-9]\d{9}|0[1-9]\d{8,10})(?![0-9A-Za-z+/=_-])/g;

/** Enough to see what is wrong with one of the texts. */
const shownOfEach = 3;

export interface Traces {
  /** By name: the log, error bodies, the database, what apps and desks were told. */
  texts: Record<string, string>;
  /** Keys, credentials and anything else that must stay in. */
  secrets: readonly string[];
}

/** Throws where a number or a secret is found, and where there was nothing to look at. */
export function findNoCanary({ texts, secrets }: Traces): void {
  const found = Object.entries(texts).flatMap(([name, text]) => {
    const numbers = [...text.matchAll(numberLike)].map(({ index }) => `a number in ${name}: …${around(text, index)}…`);
    const shown = secrets.map((secret) => text.indexOf(secret)).filter((at) => at !== -1);
    const leaks = [...numbers, ...shown.map((at) => `a secret in ${name}: …${around(text, at)}…`)];
    return leaks.slice(0, shownOfEach);
  });
  if (found.length > 0) throw new Error(`leaked:\n${found.join("\n")}`);
}

type Ask = (method: string, path: string, options: { key: string }) => Promise<Answer>;
interface Answer {
  status: number;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely; what is not there reads undefined
  body: any;
}

/**
 * What a running service tells by itself, apart from what a test asked for: its metrics, the feed of events (what
 * webhooks and streams carry), and what it kept of sending them. The first key has the scope `ops`.
 */
export async function outputsOf(ask: Ask, keys: readonly [string, ...string[]]): Promise<Record<string, string>> {
  const read = async (path: string, key: string): Promise<Answer> => {
    const answer = await ask("GET", path, { key });
    if (answer.status !== 200) throw new Error(`${path} cannot be looked at: ${answer.status} ${answer.text}`);
    return answer;
  };
  const feeds: string[] = [];
  const logs: string[] = [];
  for (const key of keys) {
    for (let after = ""; ; ) {
      const { text, body } = await read(`/api/v1/events?limit=200${after}`, key);
      feeds.push(text);
      if (body.events.length === 0) break;
      after = `&after=${body.next}`;
    }
    const { text, body } = await read("/api/v1/subscriptions?limit=200", key);
    logs.push(text);
    for (const { id } of body.subscriptions) {
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page: Answer = await read(`/api/v1/subscriptions/${id}/deliveries?limit=200${cursor}`, key);
        logs.push(page.text);
        cursor = page.body.next === null ? null : `&cursor=${page.body.next}`;
      }
    }
  }
  const metrics = await read("/metrics", keys[0]);
  return { metrics: metrics.text, "the feed": feeds.join("\n"), "delivery logs": logs.join("\n") };
}

function around(text: string, at: number): string {
  return text.slice(Math.max(0, at - 60), at + 40);
}
