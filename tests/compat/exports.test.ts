/**
 * The names that programs of the peer (`rivetkit` 2.3.19) import, and that they exist here under the same
 * path. What the peer exports and is not listed has its reason in docs/reference/parity-servers.md.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { VERSION } from "holdfast/utils";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

const values: Readonly<Record<string, string>> = {
  holdfast: `actor setup Registry RegistryConfigSchema event queue UserError RivetError ActorError ActorDefinition
    isStaticActorDefinition isStaticActorInstance lookupInRegistry createClientWithDriver ALLOWED_PUBLIC_HEADERS
    toUint8Array noopNext ActorConfigSchema ActorOptionsSchema ActorsSchema BUILTIN_INSPECTOR_TAB_IDS
    DEFAULT_SLEEP_GRACE_PERIOD buildActorNames defineRunHandler getRunFunction getRunMetadata`,
  "holdfast/client": `createClient ActorConnRaw ActorHandleRaw ActorError RivetError UserError ActorClientError
    ActorConnDisposed ManagerError MalformedResponseMessage HttpRequestError`,
  "holdfast/errors": `ActorError RivetError UserError INTERNAL_ERROR_CODE INTERNAL_ERROR_DESCRIPTION USER_ERROR_CODE
    actorNotFound actorRestarting actorStopping forbiddenError internalError invalidEncoding invalidRequest
    isActorAbortedError isRivetErrorCode isRivetErrorLike toRivetError unsupportedFeature`,
  "holdfast/utils": `SinglePromiseQueue VERSION arrayBuffersEqual assertUnreachable bufferToArrayBuffer combineUrlPath
    dbg detectRuntime getEnvUniversal httpUserAgent interval joinSignals jsonParseCompat jsonStringifyCompat
    promiseWithResolvers setLongTimeout sleep stringifyError toUint8Array`,
  "holdfast/log": `LogLevelSchema configureBaseLogger configureDefaultLogger getBaseLogger getIncludeTarget getLogger
    getPinoLevel makeDefaultLogger`,
  "holdfast/test": "setupTest",
  "holdfast/workflow": "workflow Loop",
  "holdfast/db": "db",
  "holdfast/db/drizzle": "db sqliteTable text integer index uniqueIndex primaryKey",
  "holdfast/unstable/migrations": "migrations",
};

const types: Readonly<Record<string, string>> = {
  holdfast: `ActionContext ActionContextOf ActionInputSchemas Actions ActorConfig ActorConfigInput ActorContext
    ActorContextOf ActorCron ActorCronEveryOptions ActorCronSetOptions ActorInspectorConfig ActorKey ActorKv
    ActorLogger ActorOptions ActorOptionsInput ActorQueue ActorRun ActorSchedule ActorTypes AnyActorDefinition
    AnyClient AnyConn AnyStaticActorDefinition AuthIntent BaseActorDefinition
    BeforeActionResponseContext BeforeActionResponseContextOf BeforeConnectContext BeforeConnectContextOf Client Conn
    ConnContextOf ConnInitContextOf ConnectContext ConnectContextOf CreateConnStateContext CreateConnStateContextOf
    CreateContext CreateContextOf CreateVarsContext CreateVarsContextOf CronFire CronJobInfo DefineRunHandlerOptions
    DestroyContext DestroyContextOf DisconnectContext DisconnectContextOf Encoding EventSchemaConfig FetchHandler
    GlobalActorOptions GlobalActorOptionsInput InferEventArgs InferSchemaMap InstanceActorOptions
    InstanceActorOptionsInput MigrateContext MigrateContextOf QueueEnqueueAndWaitOptions QueueFilterName
    QueueIterOptions QueueMessageOf QueueName QueueNextBatchOptions QueueNextOptions QueueResultMessageForName
    QueueSchemaConfig QueueTryNextBatchOptions QueueTryNextOptions QueueWaitOptions RegistryActors
    RegistryApplication RegistryConfig RegistryConfigInput RegistryListenOptions RegistryRoutes RequestContext
    RequestContextOf ServerlessHandler Type
    RivetCloseEvent RivetErrorLike RivetErrorOptions RivetEvent RivetMessageEvent RunConfig RunContext RunContextOf
    RunControl ScheduledEventInfo ScheduledFireInfo SleepContext SleepContextOf StateChangeContext
    StateChangeContextOf UniversalWebSocket UserErrorOptions WakeContext WakeContextOf WebSocketContext
    WebSocketContextOf WorkflowBranchContextOf WorkflowContextOf WorkflowLoopContextOf WorkflowStepContextOf`,
  "holdfast/client": `ActorAccessor ActorActionFunction ActorActionOptions ActorConn ActorConnRaw ActorConnStatus
    ActorConnectOptions ActorDefinition ActorGatewayOptions ActorHandle ActorHandleRaw AnyActorDefinition Client
    ClientConfigInput ClientRaw ConnectionStateCallback CreateOptions CreateRequest Encoding EventUnsubscribe
    ExtractActorsFromRegistry ExtractRegistryFromClient GetOptions GetWithIdOptions QueryOptions Region
    StatusChangeCallback`,
  "holdfast/errors": `ActorRestartingOptions ActorSpecifier InternalErrorMetadata RivetErrorLike RivetErrorOptions
    UserErrorOptions`,
  "holdfast/utils": "DeepMutable DeepReadonly LongTimeoutHandle Runtime",
  "holdfast/log": "LogLevel Logger",
  "holdfast/test": "SetupTestResult",
};

function names(list: string): string[] {
  return list.split(/\s+/);
}

describe("names of the peer", () => {
  for (const [path, list] of Object.entries(values)) {
    test(`values of ${path}`, async () => {
      const exported = (await import(path)) as Record<string, unknown>;
      assert.deepEqual(
        names(list).filter((name) => exported[name] === undefined),
        [],
      );
    });
  }

  test("types", async () => {
    const directory = join(root, ".cache", "exports");
    mkdirSync(directory, { recursive: true });
    const lines = Object.entries(types).map(
      ([path, list]) => `export type { ${names(list).join(", ")} } from "${path}";`,
    );
    // A name that two paths export is exported once for each of them.
    lines.forEach((line, index) => {
      writeFileSync(join(directory, `${index}.ts`), line);
    });
    const compilerOptions = {
      target: "es2024",
      module: "nodenext",
      lib: ["es2024", "esnext", "dom", "dom.iterable"],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      types: ["node"],
    };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    await run(process.execPath, [tsc, "-p", directory]).catch((error: { stdout: string }) =>
      assert.fail(error.stdout),
    );
  });

  test("the version is that of the package", async () => {
    const manifest = (await import("../../packages/holdfast/package.json", { with: { type: "json" } })) as {
      default: { version: string };
    };
    assert.equal(VERSION, manifest.default.version);
  });
});
