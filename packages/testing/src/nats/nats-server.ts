import { freePort } from "../free-port.ts";
import { copyInto, programPath, serverFolder, start, stop } from "../postgres/programs.ts";

export interface NatsServerOptions {
  /** Clients must log in with these. */
  readonly user?: string;
  readonly password?: string;
  /** Serves TLS with these PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface NatsServer {
  readonly port: number;
  /** With the user and the password, if there are any. */
  readonly url: string;
  /** Ends the server at once; clients lose their connections. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts nats-server on a free port of loopback. */
export async function startNats(options: NatsServerOptions = {}): Promise<NatsServer> {
  const { user, password, tls } = options;
  const port = await freePort();
  const cwd = serverFolder();
  const args = [
    ...["--addr", "127.0.0.1", "--port", String(port)],
    ...(user === undefined ? [] : ["--user", user, "--pass", password ?? ""]),
    ...(tls === undefined
      ? []
      : ["--tls", "--tlscert", copyInto(cwd, tls.cert), "--tlskey", copyInto(cwd, tls.key)]),
  ];
  const launch = () => start(programPath("nats-server", "nats-server"), args, { cwd, port });
  let server = await launch();
  const login = user === undefined ? "" : `${user}:${password ?? ""}@`;
  return {
    port,
    url: `${tls === undefined ? "nats" : "tls"}://${login}127.0.0.1:${port}`,
    kill: () => stop(server, "SIGKILL"),
    restart: async () => {
      server = await launch();
    },
    stop: () => stop(server, "SIGTERM"),
  };
}
