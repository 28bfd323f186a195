import { HoldfastError } from "@holdfast/core";

/**
 * An S3-compatible bucket for large objects. Credentials are those of the AWS SDK: `AWS_ACCESS_KEY_ID` and
 * `AWS_SECRET_ACCESS_KEY`, a profile, or the role of the machine.
 */
export interface BucketOptions {
  readonly bucket: string;
  /** Beginning of all keys; empty by default. */
  readonly prefix?: string;
  /** URL of the server. Without it, that of AWS in the region. */
  readonly endpoint?: string;
  /** `AWS_REGION`, or `us-east-1`, by default. */
  readonly region?: string;
  /** Puts the bucket into the path of the URL instead of the host. True by default with an endpoint. */
  readonly pathStyle?: boolean;
  /** See `postgresStoreLimits.bucketTimeoutMs`. */
  readonly timeoutMs?: number;
}

const bucketName = /^[a-zA-Z0-9._-]{3,255}$/;
const known = new Set(["endpoint", "region", "pathStyle"]);

/**
 * Parses `s3://bucket/prefix?endpoint=https://host&region=name&pathStyle=true`. Throws `store.invalid_options`, without
 * repeating the URL.
 */
export function bucketFromUrl(text: string): BucketOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "s3:") throw invalid('It does not begin with "s3://"');
  if (url.username !== "" || url.password !== "") {
    throw invalid("It has credentials in it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead");
  }
  for (const name of url.searchParams.keys())
    if (!known.has(name)) throw invalid(`It has an unknown parameter "${name}"`);
  const prefix = decodeURIComponent(url.pathname.slice(1));
  const endpoint = url.searchParams.get("endpoint");
  const region = url.searchParams.get("region");
  const pathStyle = url.searchParams.get("pathStyle");
  if (pathStyle !== null && pathStyle !== "true" && pathStyle !== "false") {
    throw invalid('Its parameter "pathStyle" is neither true nor false');
  }
  return checkBucket({
    bucket: url.hostname,
    ...(prefix === "" ? {} : { prefix }),
    ...(endpoint === null ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
    ...(pathStyle === null ? {} : { pathStyle: pathStyle === "true" }),
  });
}

/** Throws `store.invalid_options`. */
export function checkBucket(options: BucketOptions): BucketOptions {
  const { bucket, endpoint } = options;
  if (!bucketName.test(bucket)) throw invalid("It has no valid name of a bucket");
  const protocol = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).protocol : undefined;
  if (endpoint !== undefined && protocol !== "http:" && protocol !== "https:") {
    throw invalid("Its endpoint is not an http or https URL");
  }
  return options;
}

function invalid(why: string): HoldfastError {
  const message = `The bucket for objects is not valid. ${why}. Write s3://bucket/prefix?endpoint=https://host&region=name`;
  return new HoldfastError("store", "invalid_options", message, { statusCode: 400 });
}
