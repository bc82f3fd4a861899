/** Reads Prometheus' text format as strictly as is needed to say that ours is right. */

export interface Family {
  name: string;
  type: string;
  help: string;
  /** Each line: the sample's name, its labels as written, its value. */
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Throws on a line that is none, and on a sample without its HELP and TYPE before it. */
export function familiesOf(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  for (const line of text.split("\n").filter(Boolean)) {
    const help = /^# HELP ([a-z_]+) (.+)$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (help !== null) {
      const [, name = "", words = ""] = help;
      if (families.has(name)) throw new Error(`twice: ${name}`);
      families.set(name, { name, type: "", help: words, samples: [] });
    } else if (type !== null) {
      const family = families.get(type[1] ?? "");
      if (family === undefined) throw new Error(`TYPE without HELP: ${line}`);
      family.type = type[2] ?? "";
    } else if (sample !== null) {
      const [, name = "", labels = "", value = ""] = sample;
      const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
      if (family === undefined || family.type === "") throw new Error(`a sample of nothing: ${line}`);
      if (Number.isNaN(Number(value)) && value !== "Nan") throw new Error(`no number: ${line}`);
      const pairs = [...labels.matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", of = ""]) => [key, of]);
      family.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
    } else throw new Error(`no line of this format: ${line}`);
  }
  return families;
}

/** What the naming rules find wrong: https://prometheus.io/docs/practices/naming/ */
export function faultsOf(families: ReadonlyMap<string, Family>): string[] {
  return [...families.values()].flatMap(({ name, type, help }) => {
    const faults: string[] = [];
    if (!/^(hualu|process)_[a-z_]+$/.test(name)) faults.push(`${name}: a name of nobody's`);
    if ((type === "counter") !== name.endsWith("_total")) faults.push(`${name}: counters end in _total, others do not`);
    if (/_(ms|milliseconds|minutes|count|sum|bucket)$/.test(name)) faults.push(`${name}: not a base unit`);
    if (type === "histogram" && !/_(seconds|bytes)$/.test(name)) faults.push(`${name}: a histogram without unit`);
    if (!help.endsWith(".")) faults.push(`${name}: its help is no sentence`);
    return faults;
  });
}
