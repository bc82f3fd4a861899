/** Every provider with its simulated far side, all playing in one virtual time: one more is one more entry. */
import { type DialectName, startCustomProvider } from "../../channels/custom/fake.ts";
import { examples } from "../../channels/custom/far/examples.ts";
import { custom } from "../../channels/custom/index.ts";
import { jy } from "../../channels/custom/jy.ts";
import { startE9Provider } from "../../channels/e9/fake.ts";
import { e9 } from "../../channels/e9/index.ts";
import { startFakeProvider } from "../../channels/fake/fake.ts";
import { fake } from "../../channels/fake/index.ts";
import { startHwProvider } from "../../channels/hw/fake.ts";
import { hw } from "../../channels/hw/index.ts";
import { common, newLine, personal, plays, type Start, told } from "./provider.ts";
import { vendors } from "./vendors.ts";

const startFake: Start = async (on, { now, setTimer }) => {
  const secret = "secret-of-the-fake";
  on.secrets.push(secret);
  const far = await startFakeProvider({ accounts: { same: secret }, now: () => now().getTime(), setTimer });
  const providerConfig = { baseUrl: far.url, accountId: "same", secret };
  return {
    name: "fake",
    ...told(fake, providerConfig),
    ...plays(far, [...common, ...personal], {
      "max-duration": "answered",
      "server-error": "no-capacity",
    }),
    lineId: (await newLine(on, { providerType: "fake", providerConfig })).id,
    losesEnd: (customer) => far.script(customer, { losesFinal: true }),
    stop: far.stop,
  };
};

const startE9: Start = async (on, { now, setTimer }) => {
  const [accountSid, authToken, appId] = ["a".repeat(32), "token-of-the-account", "b".repeat(32)];
  on.secrets.push(authToken);
  const far = await startE9Provider({ now: () => now().getTime(), setTimer });
  const providerConfig = { baseUrl: far.url, accountSid, authToken, appId };
  const line = await newLine(on, { providerType: "e9", providerConfig });
  // The address that is entered on the app, at the provider.
  far.addAccount(accountSid, { authToken, apps: { [appId]: line.webhookUrl } });
  return {
    name: "e9",
    ...told(e9, providerConfig),
    // Declined is busy here, vacant unreachable.
    ...plays(far, [...common, "a-busy", "b-busy", "server-error"], { "max-duration": "answered" }),
    lineId: line.id,
    losesEnd: (customer) => far.script(customer, { losesFinal: true }),
    stop: far.stop,
  };
};

const startHw: Start = async (on, { now, setTimer }) => {
  const [appKey, appSecret] = ["app-1", "secret-of-the-app"];
  on.secrets.push(appSecret);
  const far = await startHwProvider({ accounts: { [appKey]: appSecret }, now: () => now().getTime(), setTimer });
  const providerConfig = { apiBaseUrl: far.url, tokenBaseUrl: far.url, appKey, appSecret };
  return {
    name: "hw",
    ...told(hw, providerConfig),
    // Busy, declined, vacant: all of them are "the call failed" here.
    ...plays(far, [...common, "a-failed", "b-failed", "a-hangs-up"]),
    lineId: (await newLine(on, { providerType: "hw", providerConfig })).id,
    stop: far.stop,
  };
};

const startDescribed =
  (name: keyof typeof examples, dialect: DialectName): Start =>
  async (on, { now, setTimer }) => {
    const [account, secret] = [`same-${name}`, `secret-of-${name}`];
    on.secrets.push(secret);
    const accounts = { [account]: { secret, pushSecret: secret } };
    const far = await startCustomProvider({ dialect, accounts, now: () => now().getTime(), setTimer });
    const providerType = name === "jy" ? "jy" : "custom";
    const providerConfig = { ...examples[name], baseUrl: far.url, account, secret };
    return {
      name,
      ...told(name === "jy" ? jy : custom, providerConfig),
      ...plays(far, [...common, ...personal], {
        "max-duration": "answered",
      }),
      lineId: (await newLine(on, { providerType, providerConfig })).id,
      losesEnd: (customer) => far.script(customer, { losesFinal: true }),
      stop: far.stop,
    };
  };

/** The first is what the others are held against. */
export const providers: readonly Start[] = [
  startFake,
  startE9,
  startHw,
  ...vendors,
  startDescribed("json", "json"),
  startDescribed("form", "form"),
  startDescribed("xml", "xml"),
  startDescribed("jy", "family"),
];
