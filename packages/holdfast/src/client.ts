export {
  type ActionOptions,
  type ActionStream,
  type ActorAccessor,
  type ActorConn,
  type ActorHandle,
  type Attempt,
  attempt,
  type Client,
  type ClientConfig,
  type ConnStatus,
  type CreateOptions,
  createClient,
  type GetOrCreateOptions,
  type HandleOptions,
} from "@holdfast/client";
export { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
