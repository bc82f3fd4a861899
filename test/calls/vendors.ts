/** The vendors' channels, each with its far side. */
import { startAliyunProvider } from "../../channels/aliyun/fake.ts";
import { aliyun } from "../../channels/aliyun/index.ts";
import { startHwvoiceProvider } from "../../channels/hwvoice/fake.ts";
import { hwvoice } from "../../channels/hwvoice/index.ts";
import { startQimoorProvider } from "../../channels/qimoor/fake.ts";
import { qimoor } from "../../channels/qimoor/index.ts";
import { startRonglianProvider } from "../../channels/ronglian/fake.ts";
import { ronglian } from "../../channels/ronglian/index.ts";
import { startTencentProvider } from "../../channels/tencent/fake.ts";
import { tencent } from "../../channels/tencent/index.ts";
import { startTianrunProvider } from "../../channels/tianrun/fake.ts";
import { tianrun } from "../../channels/tianrun/index.ts";
import { common, newLine, personal, plays, type Start, told } from "./provider.ts";

const startAliyun: Start = async (on, { now, setTimer }) => {
  const [accessKeyId, accessKeySecret, instanceId] = ["LTAI5tDemoKeyOfNobody", "secret-of-the-ram-user", "ccc-same"];
  on.secrets.push(accessKeySecret);
  const accounts = { [accessKeyId]: { secret: accessKeySecret, instances: [instanceId] } };
  const far = await startAliyunProvider({ accounts, now: () => now().getTime(), setTimer });
  const providerConfig = { baseUrl: far.url, accessKeyId, accessKeySecret, instanceId };
  const line = await newLine(on, { providerType: "aliyun", providerConfig });
  far.subscribe(instanceId, line.webhookUrl);
  return {
    name: "aliyun",
    ...told(aliyun, providerConfig),
    ...plays(far, [...common, ...personal, "a-hangs-up"]),
    lineId: line.id,
    stop: far.stop,
  };
};

const startHwvoice: Start = async (on, { now, setTimer }) => {
  const [appKey, appSecret] = ["app-2", "secret-of-the-voice-app"];
  on.secrets.push(appSecret);
  const signature = "aksk-v2";
  const far = await startHwvoiceProvider({
    apps: { [appKey]: appSecret },
    now: () => now().getTime(),
    setTimer,
    signature,
  });
  // It takes no number without its country: here the application's settings name the one that is shown, not the line.
  const shown = { displayNumber: "+8675500001111" };
  const providerConfig = { baseUrl: far.url, appKey, appSecret, callbackAuth: signature, ...shown };
  return {
    name: "hwvoice",
    ...told(hwvoice, providerConfig),
    cannotKnow: ["callerNumber"],
    ...plays(far, [...common, ...personal], {
      "max-duration": "answered",
      "server-error": "no-port",
    }),
    lineId: (await newLine(on, { providerType: "hwvoice", providerConfig, callerNumber: null })).id,
    stop: far.stop,
  };
};

const startQimoor: Start = async (on, { now, setTimer }) => {
  const [accountId, secret] = ["N00000000556", "secret-of-the-7moor-account"];
  on.secrets.push(secret);
  const far = await startQimoorProvider({ now: () => now().getTime(), setTimer });
  const providerConfig = { baseUrl: far.url, accountId, apiSecret: secret };
  const line = await newLine(on, { providerType: "qimoor", providerConfig });
  far.addAccount(accountId, { secret, notifyUrl: line.webhookUrl });
  return {
    name: "qimoor",
    ...told(qimoor, providerConfig),
    // Busy is no word of its events.
    ...plays(far, common),
    lineId: line.id,
    seatOf: (n) => String(8_000 + n),
    stop: far.stop,
  };
};

const startRonglian: Start = async (on, { now, setTimer }) => {
  const [accountSid, token, appId] = ["c".repeat(32), "token-of-the-sub-account", "d".repeat(32)];
  on.secrets.push(token);
  const far = await startRonglianProvider({ now: () => now().getTime(), setTimer });
  far.addAccount(accountSid, { level: "SubAccounts", token, appId });
  const providerConfig = { baseUrl: far.url, accountSid, authToken: token, appId };
  return {
    name: "ronglian",
    ...told(ronglian, providerConfig),
    // Declined is "no answer" here, busy and vacant are "the call failed".
    ...plays(far, [...common, "a-failed", "b-failed", "a-hangs-up"], { "max-duration": "answered" }),
    lineId: (await newLine(on, { providerType: "ronglian", providerConfig })).id,
    stop: far.stop,
  };
};

const startTencent: Start = async (on, { now, setTimer }) => {
  const [secretId, secretKey, pushSecret] = [
    "AKIDsameSecretIdOfNobody",
    "secret-key-of-tencent",
    "secret-of-the-pushes",
  ];
  on.secrets.push(secretKey, pushSecret);
  const far = await startTencentProvider({
    keys: { [secretId]: secretKey },
    apps: [1400000001],
    now: () => now().getTime(),
    setTimer,
    records: false,
  });
  const push = { pushAuth: "oauth", pushUser: "pusher", pushSecret };
  const providerConfig = { baseUrl: far.url, secretId, secretKey, sdkAppId: 1400000001, ...push };
  const line = await newLine(on, { providerType: "tencent", providerConfig });
  far.setPush(line.webhookUrl, {
    kind: "oauth",
    user: "pusher",
    secret: pushSecret,
    tokenUrl: `${line.webhookUrl}/token`,
  });
  return {
    name: "tencent",
    ...told(tencent, providerConfig),
    ...plays(far, [...common, ...personal, "a-hangs-up"]),
    lineId: line.id,
    seatOf: (n) => `agent${n}@example.com`,
    stop: far.stop,
  };
};

const startTianrun =
  (flavor: "clink" | "cticloud"): Start =>
  async (on, { now, setTimer }) => {
    const [accessKeyId, accessKeySecret, enterpriseId, token] = ["AK1", "secret-of-clink", "7000001", "token-of-cti"];
    on.secrets.push(accessKeySecret, token);
    const accounts = { keys: { [accessKeyId]: accessKeySecret }, enterprises: { [enterpriseId]: token } };
    const far = await startTianrunProvider({ ...accounts, now: () => now().getTime(), setTimer });
    const pushed = flavor === "cticloud";
    const key = flavor === "clink" ? { accessKeyId, accessKeySecret } : { token };
    const providerConfig = { flavor, baseUrl: far.url, enterpriseId, pushed, ...key };
    const line = await newLine(on, { providerType: "tianrun", providerConfig });
    if (pushed) far.pushTo(line.webhookUrl);
    return {
      name: `tianrun ${flavor}`,
      ...told(tianrun, providerConfig),
      ...plays(far, [...common, ...personal]),
      lineId: line.id,
      seatOf: (n) => String(2_000 + n),
      ...(pushed && { losesEnd: (customer: string) => far.script(customer, { losesEnd: true }) }),
      stop: far.stop,
    };
  };

export const vendors: readonly Start[] = [
  startAliyun,
  startHwvoice,
  startQimoor,
  startRonglian,
  startTencent,
  startTianrun("clink"),
  startTianrun("cticloud"),
];
