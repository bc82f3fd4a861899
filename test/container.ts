/** A PostgreSQL in a container, where there is a Docker that answers. */
const image = "postgres:15-alpine";
const answerWithinMs = 1_000;
const startWithinMs = 120_000;

let started: Promise<string | null> | null = null;

/** One container for the whole run (testcontainers removes it afterwards); null without Docker. */
export function containerUrl(): Promise<string | null> {
  started ??= start();
  return started;
}

async function start(): Promise<string | null> {
  // Asked first, since testcontainers waits for ever on a Docker that is there and mute.
  if (!(await dockerAnswers())) return null;
  const { GenericContainer, Wait } = await import("testcontainers");
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: "test", POSTGRES_DB: "test" })
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .withStartupTimeout(startWithinMs)
    .start();
  return `postgres://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/test`;
}

async function dockerAnswers(): Promise<boolean> {
  const host = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  const unix = host.startsWith("unix://") ? { unix: host.slice("unix://".length) } : {};
  const origin = host.startsWith("tcp://") ? host.replace("tcp://", "http://") : "http://localhost";
  try {
    const answer = await fetch(`${origin}/_ping`, { ...unix, signal: AbortSignal.timeout(answerWithinMs) });
    return answer.ok;
  } catch {
    return false;
  }
}
