import { NODE_PATHS } from '../layout.ts'
import { POD_IMAGE } from './image.ts'

/**
 * The configuration (TOML, version 2) of a node's containerd. Root and state are the usual ones, in the node's own
 * mount namespace.
 *
 * - `restrict_oom_score_adj`: without CAP_SYS_RESOURCE, runc dies of a negative `oom_score_adj`
 * - `disable_apparmor`: profiles are loaded for the whole machine, and stay
 * - the plugins that are off would search for file systems that nobody needs here
 */
export const CONTAINERD_CONFIG = `version = 2
root = "${NODE_PATHS.containerdRoot}"
state = "${NODE_PATHS.containerdState}"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "${NODE_PATHS.containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${POD_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${NODE_PATHS.cniBin}"
  conf_dir = "${NODE_PATHS.cniConfigDirectory}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`
