/**
 * `bun run fake <provider>`: a provider's far side on its own, for whoever builds against Hualu. Nothing imports this
 * file, and its credentials are nobody's.
 */
import { parseArgs } from "node:util";
import { startAliyunProvider } from "./aliyun/fake.ts";
import { type DialectName, startCustomProvider } from "./custom/fake.ts";
import { examples } from "./custom/far/examples.ts";
import { startE9Provider } from "./e9/fake.ts";
import { startFakeProvider } from "./fake/fake.ts";
import { startHwProvider } from "./hw/fake.ts";
import { startHwvoiceProvider } from "./hwvoice/fake.ts";
import { startQimoorProvider } from "./qimoor/fake.ts";
import { startRonglianProvider } from "./ronglian/fake.ts";
import { startTencentProvider } from "./tencent/fake.ts";
import { startTianrunProvider } from "./tianrun/fake.ts";

interface Wish {
  port: number;
  speed: number;
  /** The line's `webhookUrl`, as one would enter it at the provider. */
  webhook: string | null;
  /** How a described provider speaks. */
  dialect: Dialect;
}

/** Those for which there is a description. */
const dialects = ["json", "form", "xml"] as const;
type Dialect = (typeof dialects)[number];

interface Simulation {
  far: { readonly url: string; stop(): Promise<void> };
  /** What a line of this far side needs beside its address. */
  config: Record<string, unknown>;
  /** The config's fields that hold the address; `baseUrl` unless given. */
  addresses?: readonly string[];
  /** An agent's id here, where calls ring seats and not phone numbers. */
  seat?: string;
  /** Where calls are placed only by a line that shows a number. */
  callerNumber?: string;
  /** The line's addresses count as given from outside: only networks that the service lets through are reached. */
  outside?: boolean;
}

const secret = "demo-secret-of-nobody";
const [demoSid, demoApp] = ["demo".repeat(8), "demoapp0".repeat(4)];

/** Why no address of ours is entered there. */
const eachCall = "推送地址随呼叫带来 · each call brings its own webhook";
const withoutWebhook: Record<string, string> = {
  custom: eachCall,
  fake: eachCall,
  hollycrm: "没有已知的推送 · no pushes of it are known",
  hwvoice: eachCall,
  jy: eachCall,
};

async function example(kind: keyof typeof examples, dialect: DialectName, wish: Wish): Promise<Simulation> {
  const far = await startCustom(dialect, wish);
  return { far, config: { ...examples[kind], account: "demo", secret }, outside: true };
}

function startCustom(dialect: DialectName, { port, speed }: Wish) {
  return startCustomProvider({ dialect, port, speed, accounts: { demo: { secret, pushSecret: secret } } });
}

/** One more provider is one more entry. */
const farSides: Record<string, (wish: Wish) => Promise<Simulation>> = {
  async aliyun({ port, speed, webhook }) {
    const [accessKeyId, instanceId] = ["demo-key-of-nobody", "demo-instance"];
    const accounts = { [accessKeyId]: { secret, instances: [instanceId] } };
    const subscriptions = webhook === null ? {} : { [instanceId]: webhook };
    const far = await startAliyunProvider({ port, speed, accounts, subscriptions });
    const news = webhook === null ? "asked" : "pushed";
    const config = { accessKeyId, accessKeySecret: secret, instanceId, recorded: true, news };
    return { far, config, callerNumber: "95551" };
  },
  custom: (wish) => example(wish.dialect, wish.dialect, wish),
  async e9({ port, speed, webhook }) {
    const far = await startE9Provider({ port, speed });
    far.addAccount(demoSid, { authToken: secret, apps: { [demoApp]: webhook } });
    return { far, config: { accountSid: demoSid, authToken: secret, appId: demoApp } };
  },
  async fake({ port, speed }) {
    const far = await startFakeProvider({ port, accounts: { demo: secret } });
    return { far, config: { accountId: "demo", secret, speed } };
  },
  async hollycrm(wish) {
    const far = await startCustom("hollycrm", wish);
    const config = { confirmed: true, account: "demo", appId: "demo", secret };
    return { far, config, addresses: ["baseUrl", "tokenUrl"], seat: "8001", outside: true };
  },
  async hw({ port, speed, webhook }) {
    const pushes = webhook === null ? {} : { connectUrl: webhook };
    const far = await startHwProvider({ port, speed, accounts: { demo: secret }, ...pushes });
    const config = { appKey: "demo", appSecret: secret, recorded: true, releaseCallback: true };
    return { far, config, addresses: ["apiBaseUrl", "tokenBaseUrl"] };
  },
  async hwvoice({ port, speed }) {
    const far = await startHwvoiceProvider({ port, speed, apps: { demo: secret }, signature: "aksk-v2" });
    const config = { appKey: "demo", appSecret: secret, callbackAuth: "aksk-v2", displayNumber: "+8675500000000" };
    return { far, config };
  },
  jy: (wish) => example("jy", "family", wish),
  async qimoor({ port, speed, webhook }) {
    const far = await startQimoorProvider({ port, speed });
    far.addAccount("N00000000000", { secret, notifyUrl: webhook });
    const config = { accountId: "N00000000000", apiSecret: secret, recorded: true, hidesNumbers: true };
    return { far, config, seat: "8001" };
  },
  async ronglian({ port, speed, webhook }) {
    const far = await startRonglianProvider({ port, speed });
    const callback = webhook === null ? {} : { callbackUrl: webhook };
    far.addAccount(demoSid, { level: "SubAccounts", token: secret, appId: demoApp, ...callback });
    const config = { accountSid: demoSid, authToken: secret, appId: demoApp, serverCallbacks: webhook !== null };
    return { far, config };
  },
  async tencent({ port, speed, webhook }) {
    const [secretId, sdkAppId] = ["demo-key-of-nobody", 1_400_000_000];
    const far = await startTencentProvider({ port, speed, keys: { [secretId]: secret }, apps: [sdkAppId] });
    far.setPush(webhook);
    return { far, config: { secretId, secretKey: secret, sdkAppId, recorded: true }, seat: "demo@example.com" };
  },
  async tianrun({ port, speed, webhook }) {
    const enterpriseId = "7000000";
    const enterprises = { [enterpriseId]: secret };
    const far = await startTianrunProvider({ port, speed, enterprises, push: { enterpriseId } });
    if (webhook !== null) far.pushTo(webhook);
    const config = { flavor: "cticloud", enterpriseId, token: secret, pushed: webhook !== null };
    return { far, config, seat: "2001" };
  },
};

const speedMax = 1_000;
const usage = `用法 · usage:
  bun run fake <provider> [--port N] [--speed N] [--webhook URL] [--dialect NAME]

provider   ${Object.keys(farSides).join(" · ")}
--port     监听端口，缺省任取空闲端口 · where to listen; a free port unless given
--speed    倍速，至多 ${speedMax} · how many times as fast calls go, at most ${speedMax}
--webhook  线路的 webhookUrl，如同填到服务商后台 · the line's webhookUrl, as it is entered at a provider
--dialect  custom 的写法，${dialects.join("、")}，缺省 ${dialects[0]} · how custom is spoken; ${dialects[0]} unless given`;

const withoutPushes = `没有 --webhook：不推送；建好线路后带上它的 webhookUrl 重新启动，再按新打印的更新线路
without --webhook nothing is pushed: make the line, start again with its webhookUrl, then change the line as printed`;

const digits = `客户号码的尾号 · by the customer's last digit:
  0  接通 · answered
  1  坐席未接 · the agent does not answer
  2  客户未接 · the customer does not answer
  3  坐席忙 · the agent is busy
  4  客户忙 · the customer is busy
  5  客户拒接 · the customer declines
  6  服务商拒绝 · the provider refuses
  7  已接受，但应答丢失 · accepted, but the answer is lost
  8  接受之前出错 · the provider fails before accepting
  9  接通，消息重复、乱序并丢一条 · answered; news doubled, disordered, one lost
服务商没有的说法（忙、拒接等）以它自己的说法代替 · what a provider has no word for (busy, declined) it tells in its own way`;

/** The command line makes no sense, or names a port that cannot be had: exit code 2. */
class WrongUse extends Error {
  override readonly name = "WrongUse";
}

function readArguments(): { provider: string; wish: Wish } {
  const { positionals, values } = parsed();
  const [provider = "", ...rest] = positionals;
  if (!Object.hasOwn(farSides, provider)) throw new WrongUse(`没有这个服务商 · no such provider: ${provider}`);
  if (rest.length > 0) throw new WrongUse(`多余的参数 · too many words: ${rest.join(" ")}`);
  const { port = "0", speed = "1", webhook = null, dialect: named } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new WrongUse("端口为 0 至 65535 · a port is 0 to 65535");
  if (!(Number(speed) > 0 && Number(speed) <= speedMax)) {
    throw new WrongUse(`倍速须大于 0，至多 ${speedMax} · a speed is above 0 and at most ${speedMax}`);
  }
  if (webhook !== null && !/^https?:$/.test(URL.parse(webhook)?.protocol ?? "")) {
    throw new WrongUse("webhook 须为 http 地址 · a webhook is an http address");
  }
  const noWebhook = webhook === null ? undefined : withoutWebhook[provider];
  if (noWebhook !== undefined) throw new WrongUse(`${provider}: ${noWebhook}`);
  const dialect = readDialect(provider, named);
  return { provider, wish: { port: Number(port), speed: Number(speed), webhook, dialect } };
}

function readDialect(provider: string, named: string | undefined): Dialect {
  if (named === undefined) return dialects[0];
  const dialect = dialects.find((one) => one === named);
  if (dialect !== undefined && provider === "custom") return dialect;
  throw new WrongUse(`只有 custom 可选 ${dialects.join("、")} · only custom has dialects: ${dialects.join(", ")}`);
}

function parsed() {
  const option = { type: "string" } as const;
  try {
    return parseArgs({
      allowPositionals: true,
      options: { port: option, speed: option, webhook: option, dialect: option },
    });
  } catch {
    throw new WrongUse("参数有误 · the arguments make no sense");
  }
}

async function start(provider: string, wish: Wish): Promise<Simulation> {
  const farSide = farSides[provider];
  if (farSide === undefined) throw new WrongUse(`没有这个服务商 · no such provider: ${provider}`);
  try {
    return await farSide(wish);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
    throw new WrongUse(`端口 ${wish.port} 被占用或不可用 · port ${wish.port} is taken or cannot be used`);
  }
}

function described(provider: string, { webhook }: Wish, simulation: Simulation): string {
  const { far, config, addresses, seat, callerNumber, outside } = simulation;
  const located = Object.fromEntries((addresses ?? ["baseUrl"]).map((field) => [field, far.url]));
  const line = {
    name: `模拟 · simulated ${provider}`,
    providerType: provider,
    callerNumber,
    providerConfig: { ...located, ...config },
  };
  const agent = { id: `demo-${provider}`, name: "演示坐席 · Demo agent", seats: { [provider]: seat } };
  const unpushed = webhook === null && withoutWebhook[provider] === undefined;
  return [
    `${provider} 的模拟远端已启动，不响任何电话 · the simulated far side of ${provider} runs; it rings no phone`,
    `地址 · address: ${far.url}`,
    "线路 · line: POST /api/v1/calls/lines",
    JSON.stringify(line),
    ...(seat === undefined ? [] : ["坐席 · agent: POST /api/v1/agents", JSON.stringify(agent)]),
    ...(unpushed ? [withoutPushes] : []),
    ...(outside ? [`话路启动时须放行 · start Hualu with: HUALU_ALLOW_NETWORKS=${new URL(far.url).hostname}`] : []),
    digits,
    "Ctrl+C 结束 · Ctrl+C ends it",
    "",
  ].join("\n");
}

try {
  const { provider, wish } = readArguments();
  const simulation = await start(provider, wish);
  const stop = () => void simulation.far.stop();
  process.once("SIGTERM", stop).once("SIGINT", stop);
  process.stdout.write(described(provider, wish, simulation));
} catch (error) {
  if (!(error instanceof WrongUse)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}\n`);
  process.exitCode = 2;
}
