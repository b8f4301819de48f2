// SPDX-License-Identifier: BSL-1.0
// What a program on a Cortex-M needs and no library brings: the vector table, the start, a way to print. The
// debugger's (or emulator's) semihosting prints, and ends the program.
#pragma once

#include <cstdint>

extern "C" {
extern std::uint32_t stator_stack_end, stator_data_from, stator_data_begin, stator_data_end, stator_bss_begin,
    stator_bss_end; // cortex_m.ld
int stator_main();  // the name: ISO C++ lets nobody call main
}

/// A call of the debugger: SYS_WRITE0 is 4, SYS_EXIT 0x18. Source: Arm, Semihosting for AArch32 and AArch64.
inline void semihost(std::uint32_t operation, const void* argument) {
  register std::uint32_t r0 asm("r0") = operation;
  register const void* r1 asm("r1") = argument;
  asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}
inline void print(const char* text) { semihost(4, text); }

/// Ends the program: reason 0x20026 is an end as it should be.
[[noreturn]] inline void stop(std::uint32_t reason) {
  for (;;) semihost(0x18, reinterpret_cast<const void*>(reason));
}

extern "C" [[noreturn]] inline void stator_fault() {
  print("fault\n");
  stop(0x20023);
}

/// The first code that runs: memory gets its first values, the floating-point unit is switched on.
extern "C" [[noreturn, gnu::used]] inline void stator_reset() {
  const std::uint32_t* from = &stator_data_from;
  for (std::uint32_t* to = &stator_data_begin; to < &stator_data_end;) *to++ = *from++;
  for (std::uint32_t* to = &stator_bss_begin; to < &stator_bss_end;) *to++ = 0;
#ifdef __ARM_FP
  *reinterpret_cast<volatile std::uint32_t*>(0xE000ED88) |= 0xFU << 20; // CPACR: all may use it
  asm volatile("dsb\n isb");
#endif
  stator_main();
  stop(0x20026);
}

using Handler = void (*)();
/// Initial stack pointer, reset, and the faults: non-maskable, hard, memory, bus, usage.
struct Vectors {
  std::uint32_t* stack;
  Handler handlers[6];
};
extern "C" [[gnu::section(".vectors"), gnu::used]] inline const Vectors stator_vectors{
    &stator_stack_end, {stator_reset, stator_fault, stator_fault, stator_fault, stator_fault, stator_fault}};
