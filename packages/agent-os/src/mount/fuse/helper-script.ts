/**
 * perl program that mounts a FUSE file system and passes its requests and replies on: Node can neither make the system
 * call nor wait for the device without a thread. It inherits the device as descriptor 3, writes requests to its output
 * and reads replies from its input; each has its length in its first four bytes, as in the kernel's protocol. A reply to
 * request 0 says that the host is at work.
 *
 * Nobody may wait for the host without end, since the kernel does not let go of a program that waits, not even of a
 * killed one. So a request gets EIO when the host has neither answered it nor said that it is at work for `quiet` seconds,
 * or has not answered it within `most`; later ones get it within a second, until the host is heard of again. What a late
 * reply gives is given back. A host that takes no requests for that
 * long, or has ended, loses the mount. The helper answers for the attributes of the root, statfs(2) and access(2) itself:
 * whoever starts a jail looks at these.
 *
 * Arguments: number of mount(2), number of umount2(2), mount point, options, user id, group id, bytes of a request,
 * seconds `quiet`, seconds `most`, pid of the host.
 */
export const fuseHelperScript = `use strict;
my ($mount, $umount, $target, $options, $uid, $gid, $room, $quiet, $most, $host) = @ARGV;
$SIG{$_} = "IGNORE" for qw(INT TERM HUP PIPE);
open(my $device, "+<&=3") or die "the device is not open: $!\\n";
for ($device, *STDOUT) { fcntl($_, 4, fcntl($_, 3, 0) | 04000) or die "fcntl: $!\\n" }
getppid() == $host or die "the host has ended\\n";
my ($source, $type, $at, $with) = ("holdfast\\0", "fuse.holdfast\\0", "$target\\0", "$options\\0");
syscall(0 + $mount, $source, $at, $type, 6, $with) == 0 or die "mount: $!\\n";
binmode $_ for *STDIN, *STDOUT, $device;

my $root = pack("QLLQ6L10", 0, 0, 0, 1, 0, 0, (time) x 3, 0, 0, 0, 040755, 2, $uid, $gid, 0, 4096, 0);
my $space = pack("Q5L10", (2 ** 32) x 5, 4096, 255, 4096, (0) x 7);
# Waiting requests: opcode, when the host was last at work, when it began. Late ones: opcode.
my (%waiting, %late);
# Seconds that this process ran; it may have been stopped, and clocks are set.
my ($now, $clock) = (0, time);
# A request had to wait for too long, and the host has said nothing since.
my $silent = 0;
my ($replies, $requests, $taken) = ("", "", 0);

sub answer { syswrite($device, pack("LlQ", 16 + length $_[2], $_[1], $_[0]) . $_[2]) }

sub pass_on { $taken = $now if $requests eq ""; $requests .= $_[0] }

sub notify { my ($opcode, $unique, $node, $body) = @_;
  pass_on(pack("LLQQL4", 40 + length $body, $opcode, $unique, $node, 0, 0, 0, 0) . $body) }

# The kernel does not know of the file that this reply tells of, nor of the handle that it opened.
sub give_back { my ($opcode, $unique, $reply) = @_;
  return if length $reply < 24;
  my $first = unpack("Q", substr($reply, 16));
  notify(18, $unique, 0, pack("QQQ", $first, 0, 0)) if $opcode == 14;
  notify(29, $unique, 0, pack("QQQ", $first, 0, 0)) if $opcode == 27;
  notify(18, $unique, $first, pack("QQQ", unpack("Q", substr($reply, 144)), 0, 0)) if $opcode == 35;
  notify(2, $unique, $first, pack("Q", 1)) if $opcode == 1 || $opcode == 9 || $opcode == 35 }

sub receive { my ($reply) = @_;
  my ($length, $error, $unique) = unpack("LlQ", $reply);
  $silent = 0;
  if ($unique == 0) { $_->[1] = $now for values %waiting; return }
  if (my $request = delete $waiting{$unique}) {
    return if defined syswrite($device, $reply);
    answer($unique, -5, "");
    give_back($request->[0], $unique, $reply);
  } elsif (my $opcode = delete $late{$unique}) { give_back($opcode, $unique, $reply) } }

sub request { my ($opcode, $unique, $node) = unpack("x4LQQ", $_[0]);
  return answer($unique, 0, $root) if $opcode == 3 && $node == 1;
  return answer($unique, 0, $space) if $opcode == 17;
  return answer($unique, -38, "") if $opcode == 34;
  # FORGET, INTERRUPT and BATCH_FORGET have no reply.
  $waiting{$unique} = [$opcode, $silent ? $now + 1 - $quiet : $now, $now] unless $opcode == 2 || $opcode == 36 || $opcode == 42;
  pass_on($_[0]) }

WORK: while (getppid() == $host) {
  my ($read, $write) = ("", "");
  vec($read, 0, 1) = 1;
  vec($read, 3, 1) = 1 if length $requests < $room;
  vec($write, 1, 1) = 1 if $requests ne "";
  ($read, $write) = ("", "") unless select($read, $write, undef, 1) > 0;
  my $passed = time - $clock;
  $clock += $passed;
  $now += $passed < 0 ? 0 : $passed > 2 ? 2 : $passed;
  if (vec($read, 0, 1)) {
    last unless sysread(STDIN, $replies, 1048576, length $replies);
    while (length $replies >= 16) {
      my $length = unpack("L", $replies);
      last WORK if $length < 16;
      last if length $replies < $length;
      receive(substr($replies, 0, $length, ""));
    }
  }
  if (vec($read, 3, 1)) {
    my $n = sysread($device, my $request, 0 + $room);
    # ENOENT: the request was interrupted. EINTR, EAGAIN.
    if ($n) { request($request) }
    elsif (defined $n || !grep { $! == $_ } 2, 4, 11) { last }
  }
  if ($requests ne "") {
    my $n = syswrite(STDOUT, $requests);
    if ($n) { substr($requests, 0, $n, ""); $taken = $now }
    elsif ($! != 11) { last }
    last if $requests ne "" && $now - $taken >= $quiet;
  }
  next unless $passed;
  for my $unique (keys %waiting) {
    my ($opcode, $active, $begun) = @{$waiting{$unique}};
    next if $now - $active < $quiet && $now - $begun < $most;
    $silent = 1 if $now - $active >= $quiet;
    delete $waiting{$unique};
    $late{$unique} = $opcode;
    answer($unique, -5, "");
  }
}
# The end of the device ends all requests, so that nothing waits for this process while it unmounts.
close $device;
syscall(0 + $umount, $at, 2 | 8);
rmdir $target;
`;
