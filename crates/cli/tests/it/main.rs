//! The whole program, as a person runs it: processes, files, signals, and a local cloud in a process of its own.

mod bad_input;
mod cloud;
mod cloudflare;
mod cost;
mod crash;
mod database_modules;
mod day2;
mod docker_host;
mod errored;
mod fmt;
mod full_disk;
mod functions;
mod harness;
mod interrupt;
mod k3s;
mod kinds;
mod local_run;
mod machine_commands;
mod modules;
mod new;
mod pacing;
mod real_stacks;
mod refactoring;
mod requests;
mod tutorial;
mod world;
