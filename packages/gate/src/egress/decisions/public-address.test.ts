import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { isPublicAddress, PublicResolver } from "./public-address.ts";

test("only addresses of other hosts on the internet are public, in any notation", () => {
  const refused = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::1%eth0",
    "localhost",
    "0177.0.0.1",
    "2130706433",
    "",
  ];
  for (const address of refused) assert.equal(isPublicAddress(address), false, address);
  for (const address of [
    "1.1.1.1",
    "8.8.8.8",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
  ])
    assert.equal(isPublicAddress(address), true, address);
});

test("a name is resolved once, and only addresses that may be dialled are used", async () => {
  let asked = 0;
  const answers: Record<string, string[]> = {
    "mixed.example": ["127.0.0.1", "93.184.215.14", "10.0.0.1", "10.9.0.1"],
    "inside.example": ["10.0.0.1", "::ffff:10.0.0.1"],
  };
  const names = new PublicResolver(["10.9.0.0/16"], async (host) => {
    asked += 1;
    const all = answers[host];
    if (all === undefined) throw new Error("no such name");
    return all;
  });
  assert.deepEqual(await names.addressesOf("mixed.example"), ["93.184.215.14", "10.9.0.1"]);
  assert.equal(asked, 1);
  const typed = (code: string) => (error: unknown) => isErrorCode(error, "egress", code);
  await assert.rejects(names.addressesOf("inside.example"), typed("address_refused"));
  await assert.rejects(names.addressesOf("none.example"), typed("name_not_found"));
  await assert.rejects(names.addressesOf("[::1]"), typed("address_refused"), "an address is its own answer");
  assert.throws(() => new PublicResolver(["10.0.0.0"]), typed("invalid_config"));
  assert.throws(() => new PublicResolver(["10.0.0.0/33"]), typed("invalid_config"));
});
