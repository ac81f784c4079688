// A simulation model of ECP5's block RAM, of which yosys has a black box alone.
//
// It does what FPGA-TN-02204 (ECP5 memory usage guide) says, as far as yosys' mapping asks for it
// (share/lattice/brams_16kd.txt, brams_map_16kd.v):
//
// * 1,024 words of 18 bits; INITVAL_k holds words 16k to 16k + 15, 20 bits apart.  A port of 1, 2,
//   4, 9 or 18 bits has its address in AD13 down; narrow ones leave bits 8 and 17 of a word out.
//   One of 18 bits has its byte enables in AD0 and AD1.
// * DATA_WIDTH_A = 36: port A writes {DIB, DIA}, its byte enables in ADA3 to ADA0.
//   DATA_WIDTH_B = 36: port B reads {DOB, DOA}, the lower word in DOA.
// * A port that writes gives what it gave (NORMAL), what it writes (WRITETHROUGH) or what was there
//   (READBEFOREWRITE).
// * A port with OUTREG has a register more, which OCEA or OCEB enables.  Both halves of a port of 36
//   bits have CLKB and OCEB; what they do in different modes is not written down.
//
// What is not told anywhere is unknown here: bits that one port reads while the other writes them,
// and a half of 36 bits in another mode than the other half.
//
// A parameter that is not here is not modelled, and no simulator takes a netlist that has it.
module DP16KD(
  input  DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
      DIA4, DIA3, DIA2, DIA1, DIA0,
  input  ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input  CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
      DOA4, DOA3, DOA2, DOA1, DOA0,
  input  DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
      DIB4, DIB3, DIB2, DIB1, DIB0,
  input  ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input  CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
      DOB4, DOB3, DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
  parameter GSR = "ENABLED";
  parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0;
  parameter [319:0] INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0;
  parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0;
  parameter [319:0] INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0;
  parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0;
  parameter [319:0] INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0;
  parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0;
  parameter [319:0] INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0;
  parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0;
  parameter [319:0] INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0;
  parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0;
  parameter [319:0] INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0;
  parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0;
  parameter [319:0] INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0;
  parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0;
  parameter [319:0] INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;

  localparam [20479:0] INIT = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
    INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
    INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
    INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
    INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
    INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
    INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
  };
  localparam WIDE = DATA_WIDTH_B == 36;

  reg [17:0] words [0:1023];
  integer k;
  initial for (k = 0; k < 1024; k = k + 1) words[k] = INIT[20 * k +: 18];

  wire clka = CLKAMUX == "INV" ? ~CLKA : CLKA;
  wire clkb = CLKBMUX == "INV" ? ~CLKB : CLKB;
  wire resets = RESETMODE == "ASYNC";
  wire arsta = resets && RSTA, arstb = resets && RSTB;
  wire ena = CEA && {CSA2, CSA1, CSA0} == 0, enb = CEB && {CSB2, CSB1, CSB0} == 0;
  wire wea = ena && WEA && !RSTA, web = enb && WEB && !RSTB;
  wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2,
      ADA1, ADA0};
  wire [13:0] adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2,
      ADB1, ADB0};
  wire [17:0] dia = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7,
      DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [17:0] dib = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7,
      DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};

  // The lowest bit of a narrow port in its word.
  function [4:0] place(input integer width, input [13:0] a);
    case (width)
      1: place = (a[3] ? 9 : 0) + a[2:0];
      2: place = (a[3] ? 9 : 0) + {a[2:1], 1'b0};
      4: place = (a[3] ? 9 : 0) + {a[2], 2'b00};
      9: place = a[3] ? 9 : 0;
      default: place = 0;
    endcase
  endfunction

  // The bits of two words that a port writes.
  function [35:0] mask(input integer width, input [13:0] a);
    case (width)
      36: mask = {{9{a[3]}}, {9{a[2]}}, {9{a[1]}}, {9{a[0]}}};
      18: mask = {18'd0, {9{a[1]}}, {9{a[0]}}};
      default: mask = {18'd0, ((18'd1 << width) - 18'd1) << place(width, a)};
    endcase
  endfunction

  // The word of an address, the first of two where there are.
  function [9:0] row(input integer width, input [13:0] a);
    row = width == 36 ? {a[13:5], 1'b0} : a[13:4];
  endfunction

  wire [9:0] rowa = row(DATA_WIDTH_A, ada), rowb = row(DATA_WIDTH_B, adb);
  wire [35:0] maska = mask(DATA_WIDTH_A, ada), maskb = mask(DATA_WIDTH_B, adb);
  wire [35:0] newa = DATA_WIDTH_A == 36 ? {dib, dia} : {18'd0, dia} << place(DATA_WIDTH_A, ada);
  wire [35:0] newb = {18'd0, dib} << place(DATA_WIDTH_B, adb);

  // The words that each port reads, with what the other one makes of them.
  function [17:0] seen(input [17:0] word, input [9:0] at, input by, input integer width,
                       input [9:0] first, input [35:0] bits);
    begin
      seen = word;
      if (by && at == first) seen = (word & ~bits[17:0]) | ({18{1'bx}} & bits[17:0]);
      if (by && width == 36 && at == first + 10'd1)
        seen = (word & ~bits[35:18]) | ({18{1'bx}} & bits[35:18]);
    end
  endfunction

  wire [17:0] olda = seen(words[rowa], rowa, web, DATA_WIDTH_B, rowb, maskb);
  wire [17:0] oldb = seen(words[rowb], rowb, wea, DATA_WIDTH_A, rowa, maska);
  wire [17:0] oldc = seen(words[rowb | 10'd1], rowb | 10'd1, wea, DATA_WIDTH_A, rowa, maska);
  wire [17:0] thra = (olda & ~maska[17:0]) | (newa[17:0] & maska[17:0]);
  wire [17:0] thrb = (oldb & ~maskb[17:0]) | (newb[17:0] & maskb[17:0]);

  reg [17:0] reada, readb, readc, rega, regb;
  initial begin reada = 0; readb = 0; readc = 0; rega = 0; regb = 0; end

  integer a, b;
  always @(posedge clka) if (wea) begin
    for (a = 0; a < 18; a = a + 1) if (maska[a]) words[rowa][a] <= newa[a];
    if (DATA_WIDTH_A == 36)
      for (a = 0; a < 18; a = a + 1) if (maska[18 + a]) words[rowa | 10'd1][a] <= newa[18 + a];
  end
  always @(posedge clkb) if (web && !WIDE)
    for (b = 0; b < 18; b = b + 1) if (maskb[b]) words[rowb][b] <= newb[b];

  always @(posedge clka or posedge arsta)
    if (arsta || RSTA) reada <= 0;
    else if (ena && !wea) reada <= olda >> place(DATA_WIDTH_A, ada);
    else if (wea && WRITEMODE_A != "NORMAL")
      reada <= (WRITEMODE_A == "WRITETHROUGH" ? thra : olda) >> place(DATA_WIDTH_A, ada);
  always @(posedge clkb or posedge arstb)
    if (arstb || RSTB) begin readb <= 0; readc <= 0; end
    else if (enb && !web) begin readb <= oldb >> place(DATA_WIDTH_B, adb); readc <= oldc; end
    else if (web && WRITEMODE_B != "NORMAL")
      readb <= (WRITEMODE_B == "WRITETHROUGH" ? thrb : oldb) >> place(DATA_WIDTH_B, adb);

  // Of 36 bits the lower word is in the half that is port A's.
  wire [17:0] lower = WIDE ? readb : reada, upper = WIDE ? readc : readb;
  wire clkl = WIDE ? clkb : clka, arstl = WIDE ? arstb : arsta;
  wire rstl = WIDE ? RSTB : RSTA, ocel = WIDE ? OCEB : OCEA;
  always @(posedge clkl or posedge arstl)
    if (arstl || rstl) rega <= 0;
    else if (ocel) rega <= lower;
  always @(posedge clkb or posedge arstb)
    if (arstb || RSTB) regb <= 0;
    else if (OCEB) regb <= upper;

  localparam MIXED = WIDE && REGMODE_A != REGMODE_B;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
      DOA4, DOA3, DOA2, DOA1, DOA0} =
    MIXED ? {18{1'bx}} : REGMODE_A == "OUTREG" ? rega : lower;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
      DOB4, DOB3, DOB2, DOB1, DOB0} =
    MIXED ? {18{1'bx}} : REGMODE_B == "OUTREG" ? regb : upper;
endmodule

