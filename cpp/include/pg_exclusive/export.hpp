/// @file
/// What the shared library shows: everything else is hidden.
#pragma once

/// Marks what belongs to the binary interface of the library.
#define PG_EXCLUSIVE_EXPORT __attribute__((visibility("default")))
