import { HoldfastError } from "@holdfast/core";
import { openS3, type S3Credentials } from "@holdfast/core/s3";
import { invalidConfig } from "../errors.ts";
import { BucketFiles } from "./files/bucket-files.ts";
import { MountDriver, type MountDriverOptions } from "./mount-driver.ts";

/** An S3-compatible bucket as a folder. */
export interface S3BackendOptions extends MountDriverOptions {
  readonly bucket: string;
  /** Beginning of all keys: nothing outside of it is visible. Empty by default. */
  readonly prefix?: string;
  /** `AWS_REGION`, or `us-east-1`, by default. */
  readonly region?: string;
  /** Those of the AWS SDK by default: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, or a role. */
  readonly credentials?: S3Credentials;
  /** URL of the server. Without it, that of AWS in the region. */
  readonly endpoint?: string;
  /** Puts the bucket into the path of the URL instead of the host. True by default with an endpoint. */
  readonly pathStyle?: boolean;
}

/** Whose files a bucket is to have. */
export interface AgentKey {
  readonly key: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const known = new Set([
  ...["bucket", "prefix", "region", "credentials", "endpoint", "pathStyle", "timeoutMs", "device"],
]);
const bucketName = /^[a-zA-Z0-9._-]{3,255}$/;

/**
 * A bucket as a folder of a machine: `mounts: [{ path: "/data", driver: createS3Backend({ bucket: "my-bucket" }) }]`. Every
 * machine with this driver has the same files. Needs the package `@aws-sdk/client-s3`. Throws `agent_os.invalid_config`.
 */
export function createS3Backend(options: S3BackendOptions): MountDriver {
  for (const name of Object.keys(options))
    if (!known.has(name)) throw invalidConfig(`createS3Backend has no option ${name}`);
  const { bucket, prefix = "", endpoint, timeoutMs, device } = options;
  if (typeof bucket !== "string" || !bucketName.test(bucket))
    throw invalidConfig("createS3Backend needs the name of a bucket");
  const protocol = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).protocol : undefined;
  if (endpoint !== undefined && protocol !== "http:" && protocol !== "https:")
    throw invalidConfig("The endpoint of createS3Backend must be an http or https URL");
  if (prefix.startsWith("/") || prefix.includes("//"))
    throw invalidConfig(
      "The prefix of createS3Backend must be names with single slashes between them, such as team/agents/",
    );
  if (timeoutMs !== undefined && !(timeoutMs > 0))
    throw invalidConfig("timeoutMs of createS3Backend must be a positive number");
  const place = { bucket, prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/` };
  return new MountDriver({
    basePath: "/",
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(device === undefined ? {} : { device }),
    async open(times) {
      const s3 = await openS3(options, import.meta.url);
      if (s3 === undefined) throw packageMissing();
      const files = new BucketFiles(s3, place, times);
      try {
        await files.check();
        return files;
      } catch (error) {
        files.close();
        throw bucketUnavailable(bucket, error);
      }
    },
  });
}

/** As {@link createS3Backend}, with the keys below `agents/KEY/`, so that each agent has files of its own. */
export function createS3BackendForAgent({ key }: AgentKey, options: S3BackendOptions): MountDriver {
  if (typeof key !== "string" || key === "")
    throw invalidConfig("createS3BackendForAgent needs the key of an agent");
  const { prefix = "" } = options;
  const base = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  // The files of one agent are never below those of another.
  return createS3Backend({ ...options, prefix: `${base}agents/${encodeURIComponent(key)}/` });
}

function packageMissing(): HoldfastError {
  const message =
    "A bucket as a folder needs the package @aws-sdk/client-s3, which is not installed here. Install it: npm install @aws-sdk/client-s3";
  return new HoldfastError("agent_os", "package_missing", message, { statusCode: 501 });
}

function bucketUnavailable(bucket: string, cause: unknown): HoldfastError {
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const message = `The bucket "${bucket}" cannot be mounted (${why}). Check its name, region and endpoint, and the credentials of the AWS SDK.`;
  return new HoldfastError("agent_os", "bucket_unavailable", message, { cause, statusCode: 503 });
}
