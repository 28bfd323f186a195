import { type ActorContext, type AuthContext, type AuthOptions, actor, event } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { ActorSessionPersistDriver, migrateSessions } from "@holdfast/sandbox-client/persist/actor";
import { fileActions } from "./actions/files.ts";
import { networkActions } from "./actions/network.ts";
import { processActions } from "./actions/processes.ts";
import { sessionActions } from "./actions/sessions.ts";
import type { MachineParts } from "./actions/with-machine.ts";
import { type MachineOptions, type ParsedConfig, type PlainConfig, parseConfig } from "./config.ts";
import { invalid } from "./errors.ts";
import { MachineHost } from "./host/machine-host.ts";
import { agentOsLimits } from "./limits.ts";
import { Cron, type CronJob, cronAction } from "./machine/cron.ts";
import { Files } from "./machine/files.ts";
import { Network, type PreviewSettings } from "./machine/network.ts";
import { Processes } from "./machine/processes.ts";
import { Sessions } from "./machine/sessions.ts";
import { Shells } from "./machine/shells.ts";
import { type AgentOsState, Vm, type VmActor } from "./machine/vm.ts";
import { toolReference } from "./tools/reference.ts";
import type * as payloads from "./types.ts";

/** The context that hooks of `agentOs` get. */
export type AgentOsContext<Params> = ActorContext<
  AgentOsState,
  Params,
  undefined,
  AgentOsVars,
  undefined,
  ReturnType<typeof database>,
  ReturnType<typeof events>,
  Record<never, never>
>;

/** Values in memory while the actor is awake. */
export interface AgentOsVars {
  parts: MachineParts | undefined;
}

/** Options of {@link agentOs}. Those of the machine may also be in `options`. */
export interface AgentOsConfig<Params = undefined> extends MachineOptions {
  readonly options?: MachineOptions;
  readonly preview?: Partial<PreviewSettings>;
  /** How long an idle machine stays: 30,000 ms by default. Programs that run keep it. */
  readonly sleepTimeout?: number;
  /** Throws to refuse a caller, at the gateway. Whoever may call can run any program in the machine. */
  readonly onAuth?: (c: AuthContext<Params>, options: AuthOptions<Params>) => unknown;
  /** Throws to refuse a connection or call. */
  readonly onBeforeConnect?: (c: unknown, params: Params) => void | Promise<void>;
  /** Called with each notification of an agent, when it is stored. */
  readonly onSessionEvent?: (
    c: AgentOsContext<Params>,
    sessionId: string,
    event: payloads.JsonRpcNotification,
  ) => void | Promise<void>;
  /** Called when an agent asks for a permission. Answer it with the action `respondPermission`. */
  readonly onPermissionRequest?: (
    c: AgentOsContext<Params>,
    sessionId: string,
    request: payloads.PermissionRequest,
  ) => void | Promise<void>;
}

const database = () => db({ onMigrate: migrateSessions });

const events = () => ({
  sessionEvent: event<payloads.SessionEventPayload>(),
  permissionRequest: event<payloads.PermissionRequestPayload>(),
  vmBooted: event<payloads.VmBootedPayload>(),
  vmShutdown: event<payloads.VmShutdownPayload>(),
  processOutput: event<payloads.ProcessOutputPayload>(),
  processExit: event<payloads.ProcessExitPayload>(),
  shellData: event<payloads.ShellDataPayload>(),
  shellExit: event<payloads.ShellExitPayload>(),
  cronEvent: event<payloads.CronEventPayload>(),
});

/**
 * Defines an actor that is an agent's computer: a jail with files, processes, shells and agents. Its files are kept
 * with the actor, in snapshots. The machine starts with the first call that needs it, and ends when the actor sleeps.
 * Throws `agent_os.invalid_config`.
 */
export function agentOs<Params = undefined>(config: AgentOsConfig<Params> = {}) {
  const parsed = parseConfig(config as PlainConfig);
  return actor({
    createState: (): AgentOsState => ({
      ...{ version: 1, snapshot: null, place: null, previews: [], cronRuns: {} },
    }),
    createVars: (): AgentOsVars => ({ parts: undefined }),
    db: database(),
    events: events(),
    ...(config.onAuth === undefined ? {} : { onAuth: config.onAuth }),
    onBeforeConnect: async (c, params: Params) => config.onBeforeConnect?.(c, params),
    onWake: (c) => {
      c.vars.parts = createParts(parsed, config, c as unknown as AgentOsContext<Params>);
    },
    onSleep: (c) => c.vars.parts?.vm.sleep(),
    onDestroy: (c) => c.vars.parts?.vm.destroy(),
    onRequest: async (c, request) => {
      if (c.vars.parts === undefined) throw invalid("The actor is stopping");
      return c.vars.parts.network.answer(request);
    },
    options: {
      name: "Machine",
      icon: "computer",
      actionTimeout: agentOsLimits.actionTimeoutMs,
      sleepGracePeriod: agentOsLimits.sleepGracePeriodMs,
      ...(parsed.sleepTimeout === undefined ? {} : { sleepTimeout: parsed.sleepTimeout }),
    },
    actions: {
      ...fileActions,
      ...processActions,
      ...networkActions,
      ...sessionActions,
      [cronAction]: (c, job: CronJob): Promise<void> => {
        if (c.conn !== undefined) throw invalid("Jobs are run by their schedule: use exec, or sendPrompt");
        return requireParts(c.vars).cron.run(job);
      },
    },
  });
}

/** The overloads of `broadcast` want each name alone. */
function broadcastOf<Params>(c: AgentOsContext<Params>): VmActor["emit"] {
  return (name, payload) => (c.broadcast as (event: string, payload: unknown) => void)(name, payload);
}

function requireParts(vars: AgentOsVars): MachineParts {
  if (vars.parts === undefined) throw invalid("The actor is stopping");
  return vars.parts;
}

function createParts<Params>(
  parsed: ParsedConfig,
  config: AgentOsConfig<Params>,
  c: AgentOsContext<Params>,
): MachineParts {
  const driver = new ActorSessionPersistDriver(c.db);
  const vmActor: VmActor = {
    ...{ actorId: c.actorId, state: c.state, blob: c.blob, log: c.log, sessions: driver },
    stopping: c.abortSignal,
    emit: broadcastOf(c),
    keepAwake: (promise) => void c.keepAwake(promise),
    commit: () => c.saveState({ immediate: true }),
  };
  const host = MachineHost.of({ ...parsed.host, log: c.log });
  const vm = new Vm(vmActor, {
    directory: host.disks,
    snapshotIntervalMs: parsed.snapshotIntervalMs,
    snapshotsWhileRunning: process.platform === "linux",
    launch: (folders) => host.start(parsed.machine, folders),
    takeSpare: () => host.takeSpare(parsed.machine, parsed.spares),
  });
  const reportErrors = (hook: string, call: () => unknown) => {
    const done = Promise.resolve()
      .then(call)
      .catch((error: unknown) => c.log.error(`the hook ${hook} failed`, { error }));
    void c.keepAwake(done);
  };
  const processes = new Processes(vm);
  const sessions = new Sessions(
    vm,
    driver,
    {
      onEvent: (sessionId, notification) => {
        const hook = config.onSessionEvent;
        if (hook !== undefined) reportErrors("onSessionEvent", () => hook(c, sessionId, notification));
      },
      onPermission: (sessionId, request) => {
        const hook = config.onPermissionRequest;
        if (hook !== undefined) reportErrors("onPermissionRequest", () => hook(c, sessionId, request));
      },
    },
    {
      additional: parsed.additionalInstructions,
      tools: parsed.machine.tools && toolReference(parsed.machine.tools),
    },
  );
  return {
    ...{ vm, processes, sessions },
    files: new Files(vm),
    shells: new Shells(vm),
    network: new Network(vm, parsed.preview),
    cron: new Cron(vm, c.cron, { processes, sessions }),
  };
}
